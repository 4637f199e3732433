import { describe, expect, test } from 'vitest';
import { explainAptFailure } from './apt-errors.ts';

/** What apt 2.6.2, 3.0 and 3.3.5 print, recorded; only addresses were changed. */
const RECORDED: Record<string, string[]> = {
  ARCHIVE_EXPIRED: [
    'E: Release file for http://mirror.example/debian/dists/trixie/InRelease is expired (invalid since 24h 0min 0s). Updates for this repository will not be applied.',
    'E: Release file for http://mirror.example/debian/dists/trixie/InRelease is expired (invalid since 1d 0h 0min 1s). Updates for this repository will not be applied.',
    'E: Release file for http://mirror.example/debian/dists/trixie/InRelease is not valid yet (invalid for another 9min 59s). Updates for this repository will not be applied.',
  ],
  SUITE_UNKNOWN: [
    "E: The repository 'http://mirror.example/debian forky Release' does not have a Release file.",
    "W: Skipping acquire of configured file 'contrib/binary-amd64/Packages' as repository 'http://mirror.example/debian trixie InRelease' doesn't have the component 'contrib' (component misspelt in sources.list?)",
  ],
  ARCHIVE_UNSIGNED: [
    "E: The repository 'http://mirror.example/debian trixie Release' is not signed.",
    "W: GPG error: http://mirror.example/debian trixie InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 13BBD08302719B77\nE: The repository 'http://mirror.example/debian trixie InRelease' is not signed.",
    "W: GPG error: http://mirror.example/debian trixie InRelease: The following signatures were invalid: BADSIG 13BBD08302719B77 Test Archive\nE: The repository 'http://mirror.example/debian trixie InRelease' is not signed.",
    "W: OpenPGP signature verification failed: http://mirror.example/debian trixie InRelease: Sub-process /usr/bin/sqv returned an error code (1), error message is: Missing key E97F78796AFA3E8F55E85F9C94B2A2B49937FA71, which is needed to verify signature.\nE: The repository 'http://mirror.example/debian trixie InRelease' is not signed.",
    "W: Signature verification failed: http://mirror.example/debian trixie InRelease: Sub-process /usr/bin/sqv returned an error code (1), error message is: Verifying signature:            Message has been manipulated\nE: The repository 'http://mirror.example/debian trixie InRelease' is not signed.",
  ],
  ARCHIVE_ALTERED: [
    'E: Failed to fetch http://mirror.example/debian/dists/trixie/main/binary-amd64/Packages.gz  Hash Sum mismatch\n   Hashes of expected file:\n    - Filesize:340 [weak]\nE: Some index files failed to download. They have been ignored, or old ones used instead.',
    'E: Failed to fetch http://mirror.example/debian/dists/trixie/main/binary-amd64/Packages.gz  File has unexpected size (676 != 338). Mirror sync in progress? [IP: 192.0.2.1 80]\nE: Some index files failed to download. They have been ignored, or old ones used instead.',
  ],
  ARCHIVE_UNREACHABLE: [
    'E: Failed to fetch http://192.0.2.1/dists/trixie/InRelease  Could not connect to 192.0.2.1:80 (192.0.2.1). - connect (111: Connection refused)\nE: Some index files failed to download. They have been ignored, or old ones used instead.',
    "E: Failed to fetch http://mirror.example/dists/trixie/InRelease  Could not resolve 'mirror.example'\nE: Some index files failed to download. They have been ignored, or old ones used instead.",
    'E: Failed to fetch http://mirror.example/debian/dists/trixie/main/binary-amd64/Packages  404  Not Found [IP: 192.0.2.1 80]\nE: Some index files failed to download. They have been ignored, or old ones used instead.',
  ],
  DISK_FULL: [
    'E: Failed to write temporary file (/srv/state/lists/partial/x) - write (28: No space left on device)',
    'E: Failed to fetch http://mirror.example/debian/pool/a.deb  Error writing to file - write (28: No space left on device) [IP: 192.0.2.1 80]\nE: Some index files failed to download.',
    "E: You don't have enough free space in /srv/state/archives/.",
  ],
};

const cases = Object.entries(RECORDED).flatMap(([code, texts]) =>
  texts.map((text): [string, string] => [code, text]),
);

describe('the words of apt', () => {
  test.each(cases)('%s %#', (code, text) => {
    const error = explainAptFailure('reading trixie', `Get:1 something\n${text}\n`);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^reading trixie: /);
    expect(error.hint).toBeTypeOf('string');
    expect(error.exitCode).toBe(code === 'SUITE_UNKNOWN' ? 2 : 3);
    // apt's own line is there to be read.
    expect(text.split('\n').some((line) => error.message.includes(line.trim()))).toBe(true);
  });

  test('that nobody knows are passed on', () => {
    const error = explainAptFailure(
      'fetching packages',
      'Reading...\nE: Something new\nW: and more',
    );
    expect(error.code).toBe('PROGRAM_FAILED');
    expect(error.message).toBe('fetching packages: apt failed: E: Something new W: and more');
    expect(explainAptFailure('x', 'no line of apt').message).toContain('no line of apt');
  });

  test('what is no message of apt does not count', () => {
    const error = explainAptFailure('x', 'Get:1 http://mirror.example not signed\nE: Other');
    expect(error.code).toBe('PROGRAM_FAILED');
  });
});
