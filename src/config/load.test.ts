import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LockstepError } from '../core/errors.ts';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { loadConfig, parseConfig } from './load.ts';

const at = useScratch('config');

const GOOD = `repository: { origin: Example, directory: out }
archives:
  - suites: [trixie]
modules:
  - package: a-dkms
`;

/** The lines of the error that a text ends with. */
async function problems(text: string): Promise<string[]> {
  const error = await lockstepErrorOf(() => parseConfig(text, 'c.yaml'));
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 });
  expect(error.hint).toContain('lockstep schema');
  return error.message.split('\n');
}

describe('an error is located', () => {
  test.each<[string, string, string[]]>([
    [
      'unknown keys at the top',
      `${GOOD}extra: 1\nmore: 2\n`,
      ['c.yaml:6:1: unknown key extra', 'c.yaml:7:1: unknown key more'],
    ],
    [
      'of repository',
      GOOD.replace('out }', 'out, foo: 1 }'),
      ['c.yaml:1:48: unknown key repository.foo'],
    ],
    [
      'of an archive',
      GOOD.replace('[trixie]', '[trixie]\n    baz: 1'),
      ['c.yaml:4:5: unknown key archives[0].baz'],
    ],
    [
      'of a module',
      `${GOOD}  - { package: b-dkms, baz: 1 }\n`,
      ['c.yaml:6:24: unknown key modules[1].baz'],
    ],
    [
      'of kernels',
      `${GOOD}kernels:\n  flavors: all\n`,
      ['c.yaml:7:3: unknown key kernels.flavors'],
    ],
    ['of limits', `${GOOD}limits: { x: 3 }\n`, ['c.yaml:6:11: unknown key limits.x']],
  ])('unknown key: %s', async (_name, text, expected) => {
    expect(await problems(text)).toEqual(expected);
  });

  test.each<[string, string[]]>([
    [
      '',
      [
        'c.yaml:1:1: repository is missing',
        'c.yaml:1:1: archives is missing',
        'c.yaml:1:1: modules is missing',
      ],
    ],
    [GOOD.replace(/^repository.*\n/, ''), ['c.yaml:1:1: repository is missing']],
    [GOOD.replace('origin: Example, ', ''), ['c.yaml:1:13: repository.origin is missing']],
    [
      GOOD.replace('suites: [trixie]', 'components: [main]'),
      ['c.yaml:3:5: archives[0].suites is missing'],
    ],
    [
      GOOD.replace('package: a-dkms', 'initramfs: yes'),
      ['c.yaml:5:16: modules[0].initramfs: Invalid input: expected boolean, received string'],
    ],
  ])('missing key: %#', async (text, expected) => {
    expect(await problems(text)).toEqual(expected);
  });

  test.each<[string, string, RegExp]>([
    ['[trixie]', 'trixie', /^c\.yaml:3:13: archives\[0\]\.suites: .*expected array/],
    ['[trixie]', '[]', /^c\.yaml:3:13: archives\[0\]\.suites: /],
    ['[trixie]', '[trixie, 3]', /^c\.yaml:3:22: archives\[0\]\.suites\[1\]: .*string/],
    ['[trixie]', '[Trixie]', /^c\.yaml:3:14: archives\[0\]\.suites\[0\]: is not a suite name$/],
    ['[trixie]', '[trixie]\n    mirror: x', /^c\.yaml:4:13: archives\[0\]\.mirror: /],
    ['[trixie]', '[trixie]\n    publish: a/b', /^c\.yaml:4:14: archives\[0\]\.publish: is not/],
    ['a-dkms', 'A_dkms', /^c\.yaml:5:14: modules\[0\]\.package: is not a Debian package name/],
    ['out', 'out, url: "ftp://x"', /^c\.yaml:1:53: repository\.url: /],
    ['out', 'out, maintainer: x', /^c\.yaml:1:60: repository\.maintainer: must look like/],
    ['Example', '"a\\nb"', /^c\.yaml:1:23: repository\.origin: must be one line of text$/],
    ['Example', '7', /^c\.yaml:1:23: repository\.origin: .*expected string, received number$/],
    ['repository', 'jobs: 0\nrepository', /^c\.yaml:1:7: jobs: .*>=1$/],
    ['repository', 'jobs: many\nrepository', /^c\.yaml:1:7: jobs: .*expected number/],
    ['repository', 'jobs: 1.5\nrepository', /^c\.yaml:1:7: jobs: .*expected int/],
    [
      'repository',
      'kernels: { abis: oldest }\nrepository',
      /^c\.yaml:1:18: kernels\.abis: must be `newest`, `all` or a whole number from 1 on$/,
    ],
    ['repository', 'kernels: { abis: 0 }\nrepository', /^c\.yaml:1:18: kernels\.abis: .*>=1$/],
    [
      'repository',
      'kernels: { flavours: some }\nrepository',
      /^c\.yaml:1:22: kernels\.flavours: must be `all` or a list of flavours$/,
    ],
    ['repository', 'limits: { processes: 3 }\nrepository', /^c\.yaml:1:22: limits\.processes: /],
  ])('wrong value: %#', async (from, to, expected) => {
    const found = await problems(GOOD.replace(from, to));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  test.each<[string, string[]]>([
    [`${GOOD}state: x\nstate: y\n`, ['c.yaml:7:1: Map keys must be unique']],
    [GOOD.replace('out }', 'out, origin: b }'), ['c.yaml:1:48: Map keys must be unique']],
    [`${GOOD}\tx: 1`, ['c.yaml:6:1: Tabs are not allowed as indentation']],
    ['a: 1\nb: *missing\n', ['c.yaml:2:4: Unresolved alias']],
    ['- a\n- b\n', ['c.yaml:1:1: the file: Invalid input: expected object']],
    ['--- 1\n--- 2\n', ['c.yaml:2:1: Source contains multiple documents']],
    ['a: "never closed', ['c.yaml:1:17: Missing closing "quote']],
  ])('what is no YAML, or none that is taken: %j', async (text, expected) => {
    const found = await problems(text);
    expect(found.map((line, index) => line.slice(0, expected[index]?.length))).toEqual(expected);
  });

  test('an alias bomb ends at once', async () => {
    const rows = Array.from({ length: 12 }, (_, index) => {
      const uses = Array.from({ length: 9 }, () => (index === 0 ? 'x' : `*a${index - 1}`));
      return `a${index}: &a${index} [${uses.join(', ')}]\n`;
    });
    const [first = ''] = await problems(rows.join(''));
    expect(first).toMatch(/^c\.yaml:\d+:\d+: Excessive alias count/);
  });

  test('nesting without end is no overflow', async () => {
    for (const [piece, depth] of [['[', 5000] as const, ['{a: ', 5000] as const]) {
      expect((await problems(piece.repeat(depth)))[0]).toMatch(/^c\.yaml:1:\d+: /);
      const closed = `${piece.repeat(depth)}${(piece === '[' ? ']' : '}').repeat(depth)}`;
      expect((await problems(closed))[0]).toMatch(/^c\.yaml:1:\d+: /);
    }
  });

  test('every text is a configuration or an error that says where (any)', () => {
    const words = fc.constantFrom(
      ...['repository', 'archives', 'modules', 'origin', 'suites', ': ', ':\n  ', '- ', '\n', '*a'],
      ...['&a ', '<<', '[', ']', '{', '}', ', ', '"', '|\n', '!!binary ', '? ', '#', '---\n', '\t'],
      ...['null', '~', '0x1', '.inf', '%YAML 1.1\n', '\u0000', '\ud800', 'é', '\r'],
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 25 }).map((w) => w.join('')),
    );
    fc.assert(
      fc.property(texts, fc.boolean(), (text, withGood) => {
        let error: unknown;
        try {
          parseConfig(withGood ? GOOD + text : text, 'c.yaml');
        } catch (caught) {
          error = caught;
        }
        const lines = error instanceof LockstepError ? error.message.split('\n') : [];
        expect(error === undefined || lines.length > 0).toBe(true);
        expect(lines.filter((line) => !/^c\.yaml:\d+:\d+: /.test(line))).toEqual([]);
      }),
      { numRuns: 3000, examples: [['? :\n  #', false]] },
    );
  });
});

describe('a good configuration', () => {
  test('has its defaults, and its paths are those of its folder', () => {
    const text = `${GOOD.replace('[trixie]', '[trixie]\n    keyring: keys/a.gpg')}state: ../state\n`;
    const config = parseConfig(text, '/srv/conf/lockstep.yaml');
    expect(config).toMatchObject({
      file: '/srv/conf/lockstep.yaml',
      state: '/srv/state',
      repository: {
        origin: 'Example',
        directory: '/srv/conf/out',
        url: 'http://localhost:8473',
      },
      archives: [
        {
          suites: ['trixie'],
          components: ['main'],
          keyring: '/srv/conf/keys/a.gpg',
          checkValidUntil: true,
        },
      ],
      kernels: { architectures: ['amd64'], flavours: 'all', abis: 'newest' },
      modules: [{ package: 'a-dkms' }],
      limits: { evaluateSeconds: 20, buildMinutes: 60 },
    });
    expect(parseConfig(GOOD, 'rel/c.yaml').state).toBe(path.resolve('rel/lockstep-state'));
    expect(parseConfig(`${GOOD}state: /abs\n`, 'rel/c.yaml').state).toBe('/abs');
  });

  test('may use anchors and aliases', () => {
    const config = parseConfig(
      GOOD.replace('[trixie]', '&s [trixie]\n  - { suites: *s, publish: other }'),
      'c.yaml',
    );
    expect(config.archives.map((archive) => archive.suites)).toEqual([['trixie'], ['trixie']]);
  });
});

describe('a file', () => {
  test('is read', async () => {
    await fs.writeFile(at('good.yaml'), GOOD);
    expect((await loadConfig(at('good.yaml'))).file).toBe(at('good.yaml'));
  });

  test('that is empty lacks everything', async () => {
    await fs.writeFile(at('empty.yaml'), '');
    const error = await lockstepErrorOf(() => loadConfig(at('empty.yaml')));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(`${at('empty.yaml')}:1:1: repository is missing`);
  });

  test('that is missing, or a folder, is named with its reason', async () => {
    const missing = await lockstepErrorOf(() => loadConfig(at('missing.yaml')));
    expect(missing).toMatchObject({ code: 'CONFIG_MISSING', exitCode: 2 });
    expect(missing.message).toBe(`${at('missing.yaml')} can't be read (ENOENT)`);
    expect(missing.hint).toContain('examples/quickstart.yaml');
    const folder = await lockstepErrorOf(() => loadConfig(at()));
    expect(folder.message).toBe(`${at()} can't be read (EISDIR)`);
  });

  test('of 5 MB is not read at all', async () => {
    await fs.writeFile(at('large.yaml'), `${GOOD}# ${'x'.repeat(5_000_000)}\n`);
    const error = await lockstepErrorOf(() => loadConfig(at('large.yaml')));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain('larger than 4 MiB');
  });

  test('may have anything in it: what is no text is an error too', async () => {
    await fs.writeFile(at('binary.yaml'), execFileSync('head', ['-c', '5000', process.execPath]));
    expect((await lockstepErrorOf(() => loadConfig(at('binary.yaml')))).code).toBe(
      'CONFIG_INVALID',
    );
  });
});
