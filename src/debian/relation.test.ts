import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRelations, type Relation } from './relation.ts';

function relation(name: string, rest: Partial<Relation> = {}): Relation {
  return { name, qualifier: undefined, operator: undefined, version: undefined, ...rest };
}

test.each<[string | undefined, Relation[][]]>([
  [undefined, []],
  ['', []],
  [' \n ', []],
  ['a', [[relation('a')]]],
  [
    'linux-headers-6.12.117+deb13-common (= 6.12.117-1), linux-image-6.12.117+deb13-amd64 (= 6.12.117-1) | linux-image-6.12.117+deb13-amd64-unsigned (= 6.12.117-1), gcc-14',
    [
      [relation('linux-headers-6.12.117+deb13-common', { operator: '=', version: '6.12.117-1' })],
      [
        relation('linux-image-6.12.117+deb13-amd64', { operator: '=', version: '6.12.117-1' }),
        relation('linux-image-6.12.117+deb13-amd64-unsigned', {
          operator: '=',
          version: '6.12.117-1',
        }),
      ],
      [relation('gcc-14')],
    ],
  ],
  [
    'python3:any (>=3.5~), libc6(>> 2.36),g++:arm64',
    [
      [relation('python3', { qualifier: 'any', operator: '>=', version: '3.5~' })],
      [relation('libc6', { operator: '>>', version: '2.36' })],
      [relation('g++', { qualifier: 'arm64' })],
    ],
  ],
  // What dpkg still reads: a single < or > means "or equal".
  [
    'a (< 1), b (> 2)',
    [
      [relation('a', { operator: '<=', version: '1' })],
      [relation('b', { operator: '>=', version: '2' })],
    ],
  ],
  ['a\n (= 1),\n b,', [[relation('a', { operator: '=', version: '1' })], [relation('b')]]],
  ['a [amd64] <!nocheck>', [[relation('a')]]],
  ['${misc:Depends}, a', [[relation('a')]]],
])('%j', (field, expected) => {
  expect(parseRelations(field)).toEqual(expected);
});

const name = fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{0,8}$/);
const version = fc.stringMatching(/^[0-9][0-9a-z.+~:-]{0,8}$/);
const constraint = fc.oneof(
  fc.constant([undefined, undefined] as const),
  fc.tuple(fc.constantFrom('<<' as const, '<=' as const, '=' as const, '>=' as const), version),
);
const qualifier = fc.option(fc.constantFrom('any', 'native', 'amd64'), { nil: undefined });
const one = fc.tuple(name, qualifier, constraint).map((parts): Relation => {
  const [of, qualified, [operator, bound]] = parts;
  return { name: of, qualifier: qualified, operator, version: bound };
});

test('what is written as deb-control(5) says is read back (any)', () => {
  const write = (entry: Relation, space: string): string =>
    [
      entry.name,
      entry.qualifier === undefined ? '' : `:${entry.qualifier}`,
      entry.version === undefined ? '' : `${space}(${entry.operator}${space}${entry.version})`,
    ].join('');
  const groups = fc.array(fc.array(one, { minLength: 1, maxLength: 3 }), { maxLength: 4 });
  fc.assert(
    fc.property(groups, fc.constantFrom('', ' ', '\n '), (value, space) => {
      const text = value
        .map((group) => group.map((entry) => write(entry, space)).join(`${space}|${space}`))
        .join(`,${space}`);
      expect(parseRelations(text)).toEqual(value);
    }),
  );
});

test('any text is read without an error, and quickly (any)', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '(', ')', '|', ',', ' ', '=') }), (text) => {
      expect(parseRelations(text).every((group) => group.length > 0)).toBe(true);
    }),
  );
  expect(parseRelations(`a${' '.repeat(200_000)}(`)).toHaveLength(1);
});
