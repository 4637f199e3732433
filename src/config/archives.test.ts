import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { archiveGroups } from './archives.ts';
import { parseConfig } from './load.ts';

const HEAD = 'repository: { origin: Example, directory: out }\nmodules: [{ package: a-dkms }]\n';

function groups(archives: string) {
  return archiveGroups(parseConfig(`${HEAD}archives:\n${archives}`, 'c.yaml').archives);
}

async function problems(text: string): Promise<string[]> {
  const error = await lockstepErrorOf(() => parseConfig(text, 'c.yaml'));
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 });
  return error.message.split('\n');
}

describe('archives', () => {
  test('are published as their first suite, or only read', () => {
    expect(
      groups(
        '  - suites: [trixie, trixie-updates]\n  - { suites: [sid], publish: unstable }\n' +
          '  - { suites: [bookworm], publish: false }\n',
      ).map(({ name, isPublished }) => [name, isPublished]),
    ).toEqual([
      ['trixie', true],
      ['unstable', true],
      ['bookworm', false],
    ]);
  });

  test('of one name are used together', () => {
    const found = groups(
      '  - { suites: [trixie], ahead: [sid] }\n  - suites: [sid]\n' +
        '  - { suites: [stable], mirror: "https://vendor.example/debian", publish: trixie, ahead: [sid, exp] }\n' +
        '  - { suites: [exp], base: sid }\n',
    );
    expect(found.map(({ name, entries, ahead }) => [name, entries.length, ahead])).toEqual([
      ['trixie', 2, ['sid', 'exp']],
      ['sid', 1, []],
      ['exp', 1, []],
    ]);
  });

  test('have the bases of their bases', () => {
    const found = groups(
      '  - { suites: [c], base: b }\n  - { suites: [b], base: a }\n  - suites: [a]\n',
    );
    expect(found.map(({ bases }) => bases)).toEqual([['b', 'a'], ['a'], []]);
  });

  test.each<[string, string[]]>([
    [
      '  - { suites: [a], base: x }',
      ['c.yaml:4:5: archives[0].base: no archive x; there are none besides'],
    ],
    [
      '  - { suites: [a], base: a }',
      ['c.yaml:4:5: archives[0].base: an archive can’t name itself'],
    ],
    [
      '  - { suites: [a], base: b }\n  - { suites: [b], base: a }',
      [
        'c.yaml:4:5: archives[0].base: the bases of a lead back to it',
        'c.yaml:5:5: archives[1].base: the bases of b lead back to it',
      ],
    ],
    [
      '  - { suites: [a], base: b }\n  - { suites: [a2], publish: a, base: c }\n  - suites: [b]\n  - suites: [c]',
      ['c.yaml:4:5: archives[0].base: a has two bases'],
    ],
    [
      '  - { suites: [a], ahead: [b, c] }\n  - suites: [b]',
      ['c.yaml:4:5: archives[0].ahead[1]: no archive c; there are b'],
    ],
    [
      '  - { suites: [a], ahead: b }',
      ['c.yaml:4:5: archives[0].ahead: Invalid input: expected array, received string'],
    ],
    [
      '  - { suites: [a], components: [main, contrib] }\n  - { suites: [b, a], publish: a }',
      ['c.yaml:5:5: archives[1].suites[1]: the component main of a is named twice'],
    ],
    [
      '  - { suites: [a], publish: true }',
      [
        'c.yaml:4:5: archives[0].publish: must be the name of a suite, or `false` for suites that are only read',
      ],
    ],
    [
      '  - { suites: [a], publish: false }\n  - { suites: [b], publish: a }',
      ['c.yaml:5:5: archives[1]: a is published by one entry and only read by another'],
    ],
  ])('are refused: %j', async (archives, expected) => {
    const found = await problems(`${HEAD}archives:\n${archives}\n`);
    const withoutColumns = (line: string): string =>
      line.replace(/:(?<line>\d+):\d+:/, ':$<line>:');
    expect(found.map(withoutColumns)).toEqual(expected.map(withoutColumns));
  });
});

describe('modules', () => {
  const archives =
    'archives: [{ suites: [trixie, trixie-updates], publish: stable }, { suites: [sid] }]\n';
  const withFrom = (from: string): string =>
    `repository: { origin: Example, directory: out }\n${archives}modules:\n  - { package: a-dkms, from: ${from} }\n`;

  test.each(['[own]', '[trixie-updates, own, sid]', '[stable]', '[trixie]'])('from %s', (from) => {
    expect(parseConfig(withFrom(from), 'c.yaml').modules[0]?.from).toHaveLength(
      from.split(',').length,
    );
  });

  test.each<[string, RegExp]>([
    [
      '[own, forky]',
      /^c\.yaml:4:36: modules\[0\]\.from\[1\]: no archive has the suite forky; there are own, stable, trixie/,
    ],
    ['[sid, sid]', /^c\.yaml:4:36: modules\[0\]\.from\[1\]: sid is named twice$/],
    ['[]', /^c\.yaml:4:30: modules\[0\]\.from: /],
    ['sid', /^c\.yaml:4:30: modules\[0\]\.from: .*expected array/],
  ])('not from %s', async (from, expected) => {
    const [first = ''] = await problems(withFrom(from));
    expect(first).toMatch(expected);
  });
});

test.each<[string, RegExp]>([
  ['retention: { graceDays: -1 }', /^c\.yaml:3:25: retention\.graceDays: .*>=0$/],
  ['retention: { days: 3 }', /^c\.yaml:3:14: unknown key retention\.days$/],
  ['retention: 90', /^c\.yaml:3:12: retention: .*expected object/],
  ['toolchain: maybe', /^c\.yaml:3:12: toolchain: .*"keep"\|"rebuild"/],
  [
    'kernels: { architectures: every }',
    /^c\.yaml:3:27: kernels\.architectures: must be `all` or a list of architectures$/,
  ],
  ['kernels: { architectures: [] }', /^c\.yaml:3:27: kernels\.architectures: /],
])('wrong value: %s', async (line, expected) => {
  const [first = ''] = await problems(`${HEAD}${line}\narchives: [{ suites: [a] }]\n`);
  expect(first).toMatch(expected);
});
