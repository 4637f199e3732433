import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { DKMS_CASES, KERNEL_CONFIG } from './dkms-cases.ts';

// usage: node record-dkms.ts DKMS
// Writes ../fixtures/dkms-read-conf.json: what DKMS makes of each case. DKMS is the script of the package dkms.
const dkms = process.argv[2] ?? '/usr/sbin/dkms';
const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-record-'));
const conf = path.join(folder, 'dkms.conf');
// An empty folder to run in: DKMS expands stars.
const empty = path.join(folder, 'empty');
mkdirSync(empty);
writeFileSync(path.join(folder, '.config'), KERNEL_CONFIG);
const recorded: Record<string, [string, string][]> = {};
for (const [name, entry] of Object.entries(DKMS_CASES)) {
  writeFileSync(conf, entry.conf);
  const args = [entry.kernelver ?? '6.12.117+deb13-amd64', entry.arch ?? 'x86_64', folder];
  const output = execFileSync(
    'bash',
    [path.join(import.meta.dirname, 'read-conf.bash'), dkms, conf, ...args],
    { cwd: empty, encoding: 'utf8', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' } },
  );
  const parts = output.replaceAll(folder, '@KERNEL@').split('\0');
  recorded[name] = parts.flatMap((part, index): [string, string][] =>
    index % 2 === 0 && index + 1 < parts.length ? [[part, parts[index + 1] ?? '']] : [],
  );
}
rmSync(folder, { recursive: true });
const file = path.join(import.meta.dirname, '../fixtures/dkms-read-conf.json');
writeFileSync(file, `${JSON.stringify(recorded, undefined, 1)}\n`);
