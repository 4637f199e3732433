import { buildCommand } from '@stricli/core';
import { addToConfig, type ConfigureResult, initConfig } from '../run/configure.ts';
import { commonAliases, commonFlags, examples } from './flags.ts';
import { type CommandOutput, type CommonFlags, printOutput, reportError } from './session.ts';

interface AddFlags extends CommonFlags {
  dryRun: boolean;
}

interface InitFlags extends AddFlags {
  suite?: string;
}

const flags = {
  ...commonFlags,
  dryRun: {
    kind: 'boolean',
    brief: 'Print the file that would be written; write nothing',
    default: false,
    withNegated: false,
  },
} as const;

const words = {
  kind: 'array',
  minimum: 1,
  parameter: {
    brief: 'Package with or without -dkms, ./folder, tarball, or `git URL[#TAG]`',
    parse: String,
    placeholder: 'module',
  },
} as const;

function outputOf(result: ConfigureResult, dryRun: boolean, did: string): CommandOutput {
  const { file, text, added, present, notes } = result;
  const lines = [
    ...(added.length === 0 ? [] : [`${did} ${file}: ${added.join(', ')}`]),
    ...(present.length === 0 ? [] : [`${file} has already: ${present.join(', ')}`]),
    ...notes,
    ...(dryRun ? [] : [`next: lockstep run -c ${file}`]),
  ];
  return {
    json: { file, added, present, notes, ...(dryRun ? { text } : {}) },
    text: `${dryRun ? text : ''}${lines.map((line) => `${dryRun ? '# ' : ''}${line}\n`).join('')}`,
  };
}

async function print(json: boolean, work: () => Promise<CommandOutput>): Promise<void> {
  try {
    printOutput(await work(), json);
  } catch (error) {
    process.exitCode = reportError(error, json, undefined);
  }
}

export const initCommand = buildCommand({
  docs: {
    brief: 'Write a configuration for some modules',
    fullDescription:
      'Writes a configuration that runs as it is, and overwrites none. Of a repository without #TAG the newest tag is ' +
      'taken, else its present commit.',
    customUsage: examples(
      ['init v4l2loopback acpi-call', 'lockstep.yaml for two packages of the suite that runs here'],
      ['init --suite bookworm -c bookworm.yaml zfs', 'another file, for another suite'],
      ['init ./my-driver nic-2.1.tar.xz', 'a folder and a tarball'],
      ['init git https://git.example/sensor.git#v1.4', 'a tag of a git repository'],
    ),
  },
  parameters: {
    flags: {
      ...flags,
      suite: {
        kind: 'parsed',
        parse: String,
        brief: "Debian release; this machine's, or trixie",
        placeholder: 'suite',
        optional: true,
      },
    },
    aliases: commonAliases,
    positional: words,
  },
  func: ({ config: file, dryRun, json, suite }: InitFlags, ...modules: string[]) =>
    print(json, async () => {
      const result = await initConfig({ words: modules, file, dryRun, suite });
      return outputOf(result, dryRun, dryRun ? 'would write' : 'wrote');
    }),
});

export const addCommand = buildCommand({
  docs: {
    brief: 'Add modules to a configuration; its comments and formatting stay',
    customUsage: examples(
      ['add openvpn-dco', 'one more package, in lockstep.yaml'],
      ['add -c my.yaml ./my-driver', 'a folder with a dkms.conf or kbuild files'],
      ['add --dry-run git https://git.example/sensor.git', 'only show the file as it would be'],
    ),
  },
  parameters: { flags, aliases: commonAliases, positional: words },
  func: ({ config: file, dryRun, json }: AddFlags, ...modules: string[]) =>
    print(json, async () => {
      const result = await addToConfig({ words: modules, file, dryRun });
      return outputOf(result, dryRun, dryRun ? 'would add to' : 'added to');
    }),
});
