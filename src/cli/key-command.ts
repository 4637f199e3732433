import { buildCommand, buildRouteMap } from '@stricli/core';
import {
  applyKeyChange,
  type KeyChangeView,
  type KeysView,
  retireKey,
  rotateKey,
  showKeys,
} from '../run/keys.ts';
import type { Context } from '../run/context.ts';
import type { KeyChange } from '../run/rotation.ts';
import { commonAliases, commonFlags, examples, parseFingerprint, waitFlag } from './flags.ts';
import { type CommonFlags, withSession } from './session.ts';

function textOf({ keys, keyring, rotation }: KeysView): string {
  if (keys.length === 0) {
    return 'no key yet: the first run makes one, or takes that of repository.signing\n';
  }
  const day = (instant: string): string => instant.slice(0, 10);
  const lines = keys.map(({ fingerprint, home, since, until }) =>
    until === null
      ? `${fingerprint}  signs since ${day(since)}  ${home}`
      : `${fingerprint}  signed from ${day(since)} to ${day(until)}  ${home}`,
  );
  if (keyring !== null) {
    const when =
      keyring.published === null ? 'not published yet' : `published ${keyring.published}`;
    lines.push(`${keyring.package} ${keyring.version}, ${when}`);
  }
  if (rotation !== null) {
    lines.push(
      rotation.endsFrom === null
        ? 'rotation: machines can not get the next key yet'
        : `rotation: the old key may end from ${rotation.endsFrom} on (lockstep key retire)`,
    );
  }
  return lines.map((line) => `${line}\n`).join('');
}

function changeText({ dryRun, steps, ...view }: KeyChangeView): string {
  const title = dryRun ? 'would:' : 'done:';
  return [title, ...steps.map((step) => `  ${step}`), ...(dryRun ? [] : ['']), '']
    .join('\n')
    .concat(dryRun ? '' : textOf(view));
}

const showCommand = buildCommand({
  docs: {
    brief: 'Show the keys of the repository: which signs since when, and how far a rotation is',
    customUsage: examples(['show -c lockstep.yaml --json', 'for scripts']),
  },
  parameters: { flags: commonFlags, aliases: commonAliases },
  func: (flags: CommonFlags) =>
    withSession({ command: 'key show', flags, exclusive: false }, async (context) => {
      const view = await showKeys(context);
      return { json: view, text: textOf(view) };
    }),
});

const dryRunFlag = {
  kind: 'boolean',
  brief: 'Show what would be done; change nothing',
  default: false,
  withNegated: false,
} as const;

interface RotateFlags extends CommonFlags {
  key?: string;
  dryRun: boolean;
  wait: number;
}

/** Runs a command that changes keys, and shows what it did or would do. */
function changeKeys(
  command: string,
  flags: RotateFlags,
  change: (context: Context) => Promise<KeyChange>,
) {
  return withSession({ command, flags, wait: flags.wait, exclusive: true }, async (context) => {
    const shown = await applyKeyChange(context, await change(context), flags.dryRun);
    return { json: shown, text: changeText(shown) };
  });
}

const keyFlag = (brief: string) =>
  ({ kind: 'parsed', parse: parseFingerprint, brief, placeholder: 'fpr', optional: true }) as const;

const rotateCommand = buildCommand({
  docs: {
    brief: 'Begin to sign with the next key too, and give machines both; `key retire` ends it',
    customUsage: examples(
      ['rotate --dry-run', 'what would be done'],
      ['rotate', 'a key that Lockstep makes'],
      ['rotate --key FINGERPRINT', 'a key of your own, in the home of repository.signing'],
    ),
  },
  parameters: {
    flags: {
      ...commonFlags,
      key: keyFlag('The next key, of your own; unless given, one is made'),
      dryRun: dryRunFlag,
      wait: waitFlag,
    },
    aliases: commonAliases,
  },
  func: (flags: RotateFlags) =>
    changeKeys('key rotate', flags, ({ config, signal }) =>
      rotateKey(config, { named: flags.key, dryRun: flags.dryRun, signal }),
    ),
});

interface RetireFlags extends RotateFlags {
  force: boolean;
}

const retireCommand = buildCommand({
  docs: {
    brief: "End a rotation: the old key's signatures end",
    customUsage: examples(
      ['retire', 'once machines had time to get the next key (repository.signing.overlapDays)'],
      ['retire --force', 'at once: the old key is in the wrong hands'],
      ['retire --key FINGERPRINT', 'the other way: end the new key, and the rotation with it'],
    ),
  },
  parameters: {
    flags: {
      ...commonFlags,
      key: keyFlag('The key to end; the old one unless given'),
      force: {
        kind: 'boolean',
        brief: 'End it even if machines had no time to get the next one',
        default: false,
        withNegated: false,
      },
      dryRun: dryRunFlag,
      wait: waitFlag,
    },
    aliases: commonAliases,
  },
  func: (flags: RetireFlags) =>
    changeKeys('key retire', flags, ({ config }) => {
      const { key: named, force, dryRun } = flags;
      return retireKey(config, { named, force, dryRun });
    }),
});

export const keyRoutes = buildRouteMap({
  routes: { show: showCommand, rotate: rotateCommand, retire: retireCommand },
  docs: { brief: 'Show and change the keys that the repository is signed with' },
});
