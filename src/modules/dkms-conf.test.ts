import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LockstepError } from '../core/errors.ts';
import { attempt } from '../core/testing/errors.ts';
import { readEvaluation, splitSourceFolder } from './dkms-conf.ts';

type Pairs = readonly (readonly [string, string])[];

const GOOD: Pairs = [
  ['PACKAGE_NAME[0]', 'demo'],
  ['PACKAGE_VERSION[0]', '1.0'],
  ['BUILT_MODULE_NAME[0]', 'demo'],
  ['make', 'make all'],
];

/** What evaluate.bash would write; later pairs win. */
function output(pairs: Pairs, end = true): Buffer {
  const all = end ? [...pairs, ['end', ''] as const] : pairs;
  return Buffer.from(all.map(([name, value]) => `${name}\0${value}\0`).join(''));
}

const read = (...pairs: Pairs) => readEvaluation(output([...GOOD, ...pairs]), 'folder-9');

describe('an evaluation', () => {
  test('that did not come to its end is refused', () => {
    for (const bytes of [output(GOOD, false), Buffer.alloc(0), output(GOOD).subarray(0, 40)]) {
      expect(() => readEvaluation(bytes, 'demo-1')).toThrow('could not be evaluated to its end');
    }
  });

  test('without what it needs takes it from the folder', () => {
    const conf = readEvaluation(
      output([
        ['PACKAGE_NAME[0]', '#MODULE_NAME#'],
        ['PACKAGE_VERSION[0]', '../../x'],
        ['DEST_MODULE_LOCATION[0]', '/updates'],
      ]),
      'mstflint-4.31',
    );
    expect(conf).toMatchObject({ name: 'mstflint', version: '4.31', make: '' });
    expect(conf.modules).toEqual([
      { location: '', builtName: 'mstflint', installedName: 'mstflint', strip: true },
    ]);
  });

  test('that would build nothing is refused, unless the kernel is excluded', () => {
    const nothing = GOOD.filter(([name]) => !name.startsWith('BUILT'));
    expect(() => readEvaluation(output(nothing), 'demo-1')).toThrow('nothing would be built');
    const conf = readEvaluation(
      output([...nothing, ['excluded', 'a  b\n'], ['excluded', 'c']]),
      'x',
    );
    expect(conf).toMatchObject({ modules: [], excluded: 'a b , c' });
    expect(read(['excluded', 'x'.repeat(1000)]).excluded).toHaveLength(300);
  });
});

describe('paths', () => {
  test.each([
    ['', ''],
    ['.', ''],
    ['./', ''],
    ['src/', 'src'],
    ['./src//deep///', 'src/deep'],
    ['a..b/..c', 'a..b/..c'],
  ])('%j is %j', (value, expected) => {
    expect(read(['BUILT_MODULE_LOCATION[0]', value]).modules[0]?.location).toBe(expected);
  });

  test.each(['/', '/usr/src', '..', '../x', 'a/../../b', './../x', 'a\nb', 'a\tb', '//x'])(
    '%j leads out',
    (value) => {
      expect(() => read(['BUILT_MODULE_LOCATION[0]', value])).toThrow('leads out of the build');
      expect(() => read(['patch', value])).toThrow('PATCH');
    },
  );

  test('never lead out, whatever they are (any)', () => {
    const unit = fc.constantFrom('.', '..', '/', 'a', ' ', '\n', '\t', '~', '\\');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 10 }), (value) => {
        const conf = attempt(() => read(['BUILT_MODULE_LOCATION[0]', value]));
        const location =
          conf instanceof LockstepError ? 'refused' : (conf.modules[0]?.location ?? '/');
        expect(location.startsWith('/')).toBe(false);
        expect(location.split('/')).not.toContain('..');
        expect(location).not.toMatch(/[\n\t]/);
      }),
    );
  });
});

describe('names', () => {
  test.each(['a/b', '../a', '-a', '.a', 'a b', 'a;b', 'a.ko', 'a.o', 'ä', 'a'.repeat(200)])(
    '%j is no module',
    (name) => {
      expect(() => read(['BUILT_MODULE_NAME[0]', name])).toThrow('is not a module name');
      expect(() => read(['DEST_MODULE_NAME[0]', name])).toThrow('is not a module name');
    },
  );

  test('declared twice are refused', () => {
    expect(() => read(['BUILT_MODULE_NAME[1]', 'demo'])).toThrow('demo is declared twice');
    expect(() => read(['BUILT_MODULE_NAME[1]', 'other'], ['DEST_MODULE_NAME[1]', 'demo'])).toThrow(
      'demo is declared twice',
    );
    const twice = read(['BUILT_MODULE_NAME[1]', 'demo'], ['DEST_MODULE_NAME[1]', 'other']);
    expect(twice.modules.map((entry) => entry.installedName)).toEqual(['demo', 'other']);
  });

  test('of a hundred modules are taken, of thousands are not', () => {
    const many = (count: number): Pairs =>
      Array.from({ length: count }, (_, index) => [`BUILT_MODULE_NAME[${index}]`, `m${index}`]);
    expect(read(...many(100)).modules).toHaveLength(100);
    expect(() => read(...many(3000))).toThrow('declares 3000 modules');
    expect(() => read(['BUILT_MODULE_NAME[999999]', 'far'])).toThrow('declares 1000000 modules');
    expect(read(['BUILT_MODULE_NAME[99999999999]', 'far']).modules).toHaveLength(1);
  });

  test('must be there for every record', () => {
    expect(() => read(['BUILT_MODULE_NAME[2]', 'c'])).toThrow('for record #1');
  });

  test('more than the kernel takes as one argument is refused', () => {
    expect(() => read(['make', 'x'.repeat(200_000)])).toThrow('at most 120000');
  });
});

test('stripping follows the first where a record does not say', () => {
  const strip = (...pairs: Pairs): boolean[] =>
    read(['BUILT_MODULE_NAME[1]', 'b'], ...pairs).modules.map((entry) => entry.strip);
  expect(strip()).toEqual([true, true]);
  expect(strip(['STRIP[0]', 'no'])).toEqual([false, false]);
  expect(strip(['STRIP[0]', 'No'], ['STRIP[1]', 'yes'])).toEqual([false, true]);
  expect(strip(['STRIP[1]', 'n'])).toEqual([true, false]);
});

test('bytes of any kind are a configuration or an error for the maintainer (any)', () => {
  const name = fc.constantFrom(
    ...['PACKAGE_NAME[0]', 'BUILT_MODULE_NAME[0]', 'BUILT_MODULE_NAME[1]', 'make', 'end', 'patch'],
    ...['BUILT_MODULE_LOCATION[0]', 'DEST_MODULE_NAME[0]', 'STRIP[0]', 'excluded', 'x'],
  );
  const pairs = fc.array(fc.tuple(name, fc.string({ unit: 'binary', maxLength: 8 })));
  fc.assert(
    fc.property(pairs, fc.boolean(), (list, withGood) => {
      const bytes = output([...(withGood ? GOOD : []), ...list]);
      const conf = attempt(() => readEvaluation(bytes, 'demo-1'));
      const refused = conf instanceof LockstepError;
      expect(refused ? conf.code : 'DKMS_CONF_INVALID').toBe('DKMS_CONF_INVALID');
      const names = refused ? [] : [conf.name, ...conf.modules.map((entry) => entry.installedName)];
      expect(names.filter((text) => !/^[A-Za-z0-9][A-Za-z0-9_.+~-]*$/.test(text))).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['ovpn-dco-0.0+git20241121', 'ovpn-dco', '0.0+git20241121'],
  ['v4l2loopback-0.15.0', 'v4l2loopback', '0.15.0'],
  ['nvidia-current-550.163.01', 'nvidia-current', '550.163.01'],
  ['west-chamber-20100405+svn2007.r124', 'west-chamber', '20100405+svn2007.r124'],
  ['demo-1-2', 'demo', '1-2'],
  ['demo-head', 'demo', 'head'],
  ['demo', 'demo', '0'],
  ['', '', '0'],
])('the folder %j is of %j %j', (folder, name, version) => {
  expect(splitSourceFolder(folder)).toEqual({ name, version });
});
