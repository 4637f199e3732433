import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { execa } from 'execa';
import { type Guest, makeInitramfs } from './initramfs.ts';
import { machineFor } from './machines.ts';

export interface BootOptions {
  /** Path of a Debian kernel image. */
  vmlinuz: string;
  /** Path of that kernel's modules after depmod, `.../usr/lib/modules/RELEASE`. */
  modulesTree: string;
  /** Another architecture than amd64 that the kernel is for. */
  guest?: Guest | undefined;
  /** Names of the modules that the script loads; modules.dep says what must come along. */
  modules: readonly string[];
  /**
   * A script for sh, with busybox's commands and kmod's modprobe, insmod ... (busybox's in a guest of another
   * architecture); /dev, /proc and /sys are mounted.
   */
  script: string;
  /** More files for the guest: path there → content. */
  files?: Readonly<Record<string, string | Uint8Array>>;
  /** Seconds that one boot may take; 120 unless given. */
  timeoutSeconds?: number;
  /** Boots to try before giving up; 3 unless given. */
  attempts?: number;
  /** More words for the kernel's command line. */
  append?: string;
}

export interface BootResult {
  /** Whether the script ran to its end in one of the boots. qemu's own exit status says nothing. */
  marker: boolean;
  /** What the script printed, standard output and error together, lines ending in `\n`; else what there is of it. */
  output: string;
  /** The script's exit status; undefined without the marker. */
  exitCode: number | undefined;
  /** Boots that it took; more than one means that the others never came to the script's end. */
  attempts: number;
  /** Everything on the last boot's serial console, for a failed test's message. */
  console: string;
}

/** Finds the script's output on a serial console. */
export function parseConsole(
  text: string,
  token: string,
): Pick<BootResult, 'marker' | 'output' | 'exitCode'> {
  const lines = text.replaceAll('\r', '');
  const begin = `begin ${token}\n`;
  const start = lines.indexOf(begin);
  const rest = start === -1 ? '' : lines.slice(start + begin.length);
  // Output without a newline at its end has the marker behind it, on the same line.
  const end = new RegExp(`end ${token} (?<status>\\d+)\\n`).exec(rest);
  if (end === null) {
    return { marker: false, output: rest, exitCode: undefined };
  }
  return {
    marker: true,
    output: rest.slice(0, end.index),
    exitCode: Number(end.groups?.['status']),
  };
}

/**
 * Runs a machine until it ends, with no acceleration and no devices but those that are named, its serial console on
 * standard output.
 *
 * @param args more of qemu's words
 * @param seconds after which it is killed
 * @returns standard output, and standard error with it in `all`
 * @throws Error when qemu can't be run
 */
export async function runMachine(
  architecture: string,
  args: readonly string[],
  seconds: number,
): Promise<{ stdout: string; all: string }> {
  const machine = machineFor(architecture);
  const result = await execa(
    machine.program,
    [
      ...[...machine.args, '-accel', 'tcg,thread=single', '-smp', '1', '-no-reboot'],
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio'],
      ...args,
    ],
    {
      stdin: 'ignore',
      all: true,
      stripFinalNewline: false,
      reject: false,
      timeout: seconds * 1000,
      killSignal: 'SIGKILL',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (result.failed && result.exitCode === undefined && !result.timedOut) {
    throw new Error(`${machine.program} can not be run`, { cause: result.cause });
  }
  return result;
}

async function bootOnce(options: BootOptions, initramfs: string): Promise<string> {
  const architecture = options.guest?.architecture ?? 'amd64';
  const machine = machineFor(architecture);
  const words = ['panic=-1', machine.append ?? '', options.append ?? ''].join(' ');
  const { all } = await runMachine(
    architecture,
    [
      ...['-kernel', options.vmlinuz, '-initrd', initramfs],
      ...['-append', `console=${machine.console} ${words}`],
    ],
    options.timeoutSeconds ?? 120,
  );
  return all;
}

/**
 * Boots a real kernel in qemu, with no acceleration and hardly any hardware, and runs a script in it. A boot whose
 * script never comes to its end (a panic, a hang) is tried again and counted; a script that fails is not.
 */
export async function bootKernel(options: BootOptions): Promise<BootResult> {
  const scratch = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-boot-'));
  try {
    const token = randomBytes(8).toString('hex');
    const initramfs = await makeInitramfs(scratch, { ...options, token });
    for (let attempts = 1; ; attempts += 1) {
      const text = await bootOnce(options, initramfs);
      const parsed = parseConsole(text, token);
      if (parsed.marker || attempts >= (options.attempts ?? 3)) {
        return { ...parsed, attempts, console: text };
      }
    }
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

/**
 * As {@link bootKernel}; throws with the whole console unless the script ends with status 0.
 *
 * @returns what the script printed
 */
export async function mustBoot(options: BootOptions): Promise<string> {
  const { marker, exitCode, attempts, output, console } = await bootKernel(options);
  if (!marker || exitCode !== 0) {
    const how = marker ? `the script ended with status ${exitCode}` : 'the script did not end';
    throw new Error(`${how} (boot ${attempts}):\n${console}`);
  }
  return output;
}
