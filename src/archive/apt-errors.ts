import { type ErrorCode, LockstepError } from '../core/errors.ts';

interface Rule {
  pattern: RegExp;
  code: ErrorCode;
  what: string;
  hint: string;
}

/** apt's own words, most telling first; apt has no machine-readable errors. */
const RULES: readonly Rule[] = [
  {
    pattern: /No space left on device|enough free space/,
    code: 'DISK_FULL',
    what: 'no space left for the archive’s files',
    hint: 'free some space and run again: what was finished is kept',
  },
  {
    pattern: /Release file for .* is (?:expired|not valid yet)/,
    code: 'ARCHIVE_EXPIRED',
    what: 'the archive’s Release file is past its Valid-Until, or the clock is wrong',
    hint: 'check the clock and the mirror; `checkValidUntil: false` in the archive accepts it with a warning',
  },
  {
    pattern: /does not have a Release file|no longer has a Release file/,
    code: 'SUITE_UNKNOWN',
    what: 'the mirror has no such suite',
    hint: 'check `suites` and `mirror` of the archive',
  },
  {
    pattern: /doesn't have the component/,
    code: 'SUITE_UNKNOWN',
    what: 'the suite has no such component',
    hint: 'check `components` of the archive',
  },
  {
    pattern:
      /NO_PUBKEY|not signed|signatures? (?:couldn't be|could not be|were) |OpenPGP|Signed-By|GPG error/,
    code: 'ARCHIVE_UNSIGNED',
    what: 'the archive’s signature can’t be verified',
    hint: 'install debian-archive-keyring of the newest release, or name a `keyring`',
  },
  {
    pattern:
      /Hash Sum mismatch|unexpected size|File too large|received signal 25|Clearsigned file isn't valid|Mirror sync in progress|Unable to parse|Encountered a section/,
    code: 'ARCHIVE_ALTERED',
    what: 'the mirror served a file that is not what the signed Release names',
    hint: 'the mirror may be in the middle of an update: run again in some minutes; nothing was taken from it',
  },
  {
    pattern:
      /Could not (?:resolve|connect)|Unable to connect|timed out|Connection|Failed to fetch|Could not handshake|File not found|Some index files failed/,
    code: 'ARCHIVE_UNREACHABLE',
    what: 'the mirror can’t be reached',
    hint: 'check the network and `mirror`; what was published stays as it is, run again later',
  },
];

/** Turns what apt printed on standard error into one error; the lines that matter are kept as they are. */
export function explainAptFailure(action: string, stderr: string): LockstepError {
  const lines = stderr.split('\n').filter((line) => /^[EW]: |^Err:|^ {2}/.test(line));
  for (const { pattern, code, what, hint } of RULES) {
    const found = lines.find((line) => pattern.test(line));
    if (found !== undefined) {
      const exitCode = code === 'SUITE_UNKNOWN' ? 2 : 3;
      return new LockstepError(code, `${action}: ${what}: ${found.trim()}`, { hint, exitCode });
    }
  }
  const said = lines.slice(0, 3).join(' ').trim();
  return new LockstepError(
    'PROGRAM_FAILED',
    `${action}: apt failed: ${said || stderr.trim().slice(-400)}`,
  );
}
