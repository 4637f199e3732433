import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { LockstepError } from '../core/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import type { DkmsConf } from '../model/modules.ts';
import { readEvaluation } from './dkms-conf.ts';
import { DKMS_CASES, type DkmsCase, KERNEL_CONFIG } from './testing/dkms-cases.ts';

// What DKMS 3.2.2 of Debian 13 itself makes of each case, recorded by testing/record-dkms.ts: its package depends on a
// compiler, and the DKMS of Debian 12 lacks directives.
const recorded = z
  .record(z.string(), z.array(z.tuple([z.string(), z.string()])))
  .parse(
    JSON.parse(
      readFileSync(path.join(import.meta.dirname, 'fixtures/dkms-read-conf.json'), 'utf8'),
    ),
  );

const SCRIPT = path.join(import.meta.dirname, '../programs/recipe/evaluate.bash');
const at = useScratch('dkms-oracle');
let counter = 0;

/** Runs evaluate.bash as the sandbox does, but here. */
function evaluate(entry: DkmsCase): DkmsConf {
  counter += 1;
  const folder = at(String(counter));
  mkdirSync(path.join(folder, 'cwd'), { recursive: true });
  // DKMS would expand stars to the names in the folder that it happens to run in: the cases were recorded in an empty one.
  writeFileSync(path.join(folder, 'cwd/x.c'), '');
  writeFileSync(path.join(folder, '.config'), KERNEL_CONFIG);
  writeFileSync(path.join(folder, 'dkms.conf'), entry.conf);
  const output = path.join(folder, 'evaluation');
  const result = spawnSync('bash', [SCRIPT, path.join(folder, 'dkms.conf'), output], {
    cwd: path.join(folder, 'cwd'),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/bin:/bin',
      LC_ALL: 'C.UTF-8',
      kernelver: entry.kernelver ?? '6.12.117+deb13-amd64',
      arch: entry.arch ?? 'x86_64',
      kernel_source_dir: folder,
      dkms_tree: '/var/lib/dkms',
      source_tree: '/usr/src',
      module: 'demo',
      module_version: '1.0',
    },
  });
  expect(result.stdout.toString()).toBe('');
  if (result.status !== 0) {
    throw new LockstepError(
      'DKMS_CONF_INVALID',
      `status ${result.status}: ${result.stderr.toString()}`,
    );
  }
  const text = readFileSync(output).toString('latin1').replaceAll(folder, '@KERNEL@');
  return readEvaluation(Buffer.from(text, 'latin1'), 'demo-1.0');
}

/** DKMS's words in the shape of ours. */
function expectedOf(pairs: readonly (readonly [string, string])[]): Omit<DkmsConf, 'excluded'> & {
  excluded: boolean;
} {
  const values = new Map(pairs);
  const all = (key: string): string[] =>
    pairs.filter(([name]) => name === key).map(([, value]) => value);
  return {
    name: values.get('name') ?? '',
    version: values.get('version') ?? '',
    modules: all('module').map((line) => {
      const [location = '', builtName = '', installedName = '', strip] = line.split('\t');
      return {
        location: location.replace(/\/$/, ''),
        builtName,
        installedName,
        strip: strip !== 'no',
      };
    }),
    make: values.get('make') ?? '',
    patches: all('patch'),
    preBuild: values.get('preBuild') || undefined,
    postBuild: values.get('postBuild') || undefined,
    buildDepends: all('depends'),
    remakeInitrd: /^y/i.test(values.get('remakeInitrd') ?? ''),
    excluded: values.get('excluded') === 'yes',
  };
}

const names = Object.keys(DKMS_CASES);
const isRefused = (name: string): boolean => new Map(recorded[name]).get('status') !== '0';
/** DKMS refuses these; the folder's name and a place of our own stand in for what they lack. */
const LENIENT = ['no PACKAGE_NAME', 'no DEST_MODULE_LOCATION'];

describe('a dkms.conf is read as DKMS itself reads it', () => {
  test('every case was recorded', () => {
    expect(Object.keys(recorded)).toEqual(names);
  });

  test.each(names.filter((name) => !isRefused(name)))('%s', (name) => {
    const conf = evaluate(DKMS_CASES[name] ?? { conf: '' });
    expect({ ...conf, excluded: conf.excluded !== undefined }).toEqual(
      expectedOf(recorded[name] ?? []),
    );
  });

  test.each(names.filter((name) => isRefused(name) && !LENIENT.includes(name)))(
    'refused by both: %s',
    (name) => {
      expect(() => evaluate(DKMS_CASES[name] ?? { conf: '' })).toThrow(LockstepError);
    },
  );

  test.each(LENIENT)('taken here, refused by DKMS: %s', (name) => {
    const { modules, ...rest } = evaluate(DKMS_CASES[name] ?? { conf: '' });
    expect(rest).toMatchObject({ name: 'demo', version: '1.0' });
    expect(modules).toHaveLength(1);
  });
});

describe('a dkms.conf that means harm', () => {
  test('and prints without end says no more for that', () => {
    const conf = `yes 'end of the world' | head -c 30000000\n${DKMS_CASES['plain']?.conf}`;
    expect(evaluate({ conf })).toMatchObject({ name: 'demo' });
  });

  test('and hangs is ended from outside', () => {
    writeFileSync(at('hang.conf'), 'while :; do :; done\n');
    const result = spawnSync('bash', [SCRIPT, at('hang.conf'), at('hang.out')], {
      timeout: 500,
      killSignal: 'SIGKILL',
      env: { PATH: '/usr/bin', kernelver: '6', arch: 'x', kernel_source_dir: '/', dkms_tree: '/' },
    });
    expect(result.status).not.toBe(0);
  });

  test('and writes the answer itself is not believed', () => {
    const evil = [
      `printf 'BUILT_MODULE_NAME[0]\\0../../evil\\0end\\0\\0' >"$output"`,
      'exit 0',
    ].join('\n');
    expect(() => evaluate({ conf: evil })).toThrow(LockstepError);
    const path_ = `${DKMS_CASES['plain']?.conf}\nDEST_MODULE_NAME=../../../etc/cron.d/x\n`;
    expect(() => evaluate({ conf: path_ })).toThrow('is not a module name');
    const place = `${DKMS_CASES['plain']?.conf}\nBUILT_MODULE_LOCATION=../../..\n`;
    expect(() => evaluate({ conf: place })).toThrow('leads out of the build folder');
  });

  test('and redefines commands cannot leave a half-read answer', () => {
    for (const line of [
      'echo() { :; }',
      'emit() { :; }',
      'directives=',
      'set -e; false',
      'set -u',
    ]) {
      const conf = `${DKMS_CASES['plain']?.conf}${line}\n`;
      let found: unknown;
      try {
        found = evaluate({ conf }).modules.map((entry) => entry.builtName);
      } catch (error) {
        found = error instanceof LockstepError ? error.code : error;
      }
      expect(['DKMS_CONF_INVALID', ['demo']]).toContainEqual(found);
    }
  });

  test('the environment is required', () => {
    writeFileSync(at('x.conf'), '');
    expect(() =>
      execFileSync('bash', [SCRIPT, at('x.conf'), at('x.out')], { stdio: 'pipe', env: {} }),
    ).toThrow('kernelver');
    rmSync(at('x.conf'));
  });
});
