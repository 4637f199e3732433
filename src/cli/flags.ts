/** Flags and arguments that several commands share, as stricli describes them. */

export const configFlag = {
  kind: 'parsed',
  parse: String,
  brief: 'Configuration file',
  placeholder: 'file',
  default: 'lockstep.yaml',
} as const;

export const jsonFlag = {
  kind: 'boolean',
  brief: 'Print the result as JSON on standard output',
  default: false,
  withNegated: false,
} as const;

export const waitFlag = {
  kind: 'parsed',
  parse: parseSeconds,
  brief: 'Seconds to wait when another run holds the state folder',
  placeholder: 'seconds',
  default: '0',
} as const;

export const offlineFlag = {
  kind: 'boolean',
  brief: "Use the archive's indices as they were read last",
  default: false,
  withNegated: false,
} as const;

export const commonFlags = { config: configFlag, json: jsonFlag } as const;
export const commonAliases = { c: 'config' } as const;

export const targetArguments = {
  kind: 'tuple',
  parameters: [
    { brief: 'Module, as `lockstep status` names it', parse: String, placeholder: 'module' },
    { brief: 'Kernel release, as `uname -r` prints it', parse: String, placeholder: 'release' },
  ],
} as const;

/** A number of seconds that is not negative. */
export function parseSeconds(input: string): number {
  const seconds = Number(input);
  if (!Number.isFinite(seconds) || seconds < 0 || input.trim() === '') {
    throw new Error(`${input} is not a number of seconds`);
  }
  return seconds;
}

/** A fingerprint of 40 hex digits, blanks in it or not. */
export function parseFingerprint(input: string): string {
  const fingerprint = input.replace(/\s/g, '').toUpperCase();
  if (!/^[0-9A-F]{40}$/.test(fingerprint)) {
    throw new Error(`${input} is not a fingerprint of 40 hex digits`);
  }
  return fingerprint;
}

/** A TCP port; 0 lets the system choose. */
export function parsePort(input: string): number {
  const port = Number(input);
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || input.trim() === '') {
    throw new Error(`${input} is not a port`);
  }
  return port;
}

/** The usage lines of `--help`, each as it is typed after `lockstep`; stricli writes the command's name itself. */
export function examples(
  ...lines: readonly [input: string, brief: string][]
): { input: string; brief: string }[] {
  return lines.map(([input, brief]) => ({ input: input.replace(/^\S+ ?/, ''), brief }));
}
