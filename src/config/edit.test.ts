import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { addModules, newConfig } from './edit.ts';
import { parseConfig } from './load.ts';
import { nameOf } from './modules.ts';

const FIRST = { name: 'first', entry: { package: 'first-dkms' } };
const DRIVER = { name: 'driver', entry: { name: 'driver', directory: './driver' } };

const HEAD = `# a comment at the top
repository:   { origin: Example,directory: out }
archives:
    - suites: [ trixie ]   # the suites

`;

describe('a new configuration', () => {
  test('is one, with the suites of its release', () => {
    const text = newConfig({
      ...{ suite: 'trixie', components: ['main', 'contrib'] },
      modules: [FIRST.entry, DRIVER.entry],
    });
    expect(text).toContain(
      '\n  - package: first-dkms\n  - { name: driver, directory: ./driver }\n',
    );
    const config = parseConfig(text, 'c.yaml');
    expect(config.archives).toMatchObject([
      {
        suites: ['trixie', 'trixie-updates', 'trixie-security'],
        components: ['main', 'contrib'],
      },
    ]);
    const sid = newConfig({ suite: 'sid', components: ['main'], modules: [FIRST.entry] });
    expect(parseConfig(sid, 'c.yaml').archives[0]?.suites).toEqual(['sid']);
  });
});

describe('added modules', () => {
  test.each<[string, string, string]>([
    [
      'comments and odd spaces',
      `${HEAD}modules:   # mine
      # about a
      - package:   a-dkms   # behind a
      # about nothing

# before the end
state:    ./state
`,
      `${HEAD}modules:   # mine
      # about a
      - package:   a-dkms   # behind a
      - package: first-dkms
      - { name: driver, directory: ./driver }
      # about nothing

# before the end
state:    ./state
`,
    ],
    [
      'no line break at the end',
      `${HEAD}modules:\n- { package: a-dkms }`,
      `${HEAD}modules:\n- { package: a-dkms }\n- package: first-dkms\n- { name: driver, directory: ./driver }\n`,
    ],
    [
      'an entry of several lines',
      `${HEAD}modules:\n  - package: a-dkms\n    from: [trixie]\n    initramfs: true\njobs: 2\n`,
      `${HEAD}modules:\n  - package: a-dkms\n    from: [trixie]\n    initramfs: true\n  - package: first-dkms\n  - { name: driver, directory: ./driver }\njobs: 2\n`,
    ],
  ])('leave every other byte as it is: %s', (_name, before, after) => {
    const result = addModules(before, 'c.yaml', [FIRST, DRIVER]);
    expect(result.text).toBe(after);
    expect(result).toMatchObject({ added: ['first', 'driver'], present: [] });
  });

  test.each(['modules: [{ package: a-dkms }] # mine\n', '"modules": [ {package: a-dkms}, ]\n'])(
    'find a list on one line too: %j',
    (list) => {
      const { text } = addModules(`${HEAD}${list}`, 'c.yaml', [FIRST, DRIVER]);
      expect(parseConfig(text, 'c.yaml').modules.map(nameOf)).toEqual(['a', 'first', 'driver']);
      expect(text).toContain('# a comment at the top\n');
      expect(text).toContain('# the suites\n');
    },
  );

  test('that are there already change nothing', () => {
    const text = `${HEAD}modules: [{ package: first-dkms }]\n`;
    const result = addModules(text, 'c.yaml', [FIRST]);
    expect(result).toEqual({ text, added: [], present: ['first'] });
  });

  test('to what is no configuration are its error', async () => {
    const error = await lockstepErrorOf(() => addModules('modules: 7\n', 'c.yaml', [FIRST]));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain('c.yaml:1:10: modules: ');
  });

  test('are added, and nothing else changes, in any layout (any)', () => {
    const layout = fc.record({
      indent: fc.nat(4),
      gap: fc.constantFrom('', '\n', '  # words\n', '\n\n# words\n'),
      end: fc.constantFrom('', '\n', 'jobs: 3\n', '# end', '\n# end\njobs: 3'),
      flow: fc.boolean(),
      count: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(layout, ({ indent, gap, end, flow, count }) => {
        const space = ' '.repeat(indent);
        const items = Array.from({ length: count }, (_, index) => {
          const entry = `package: m${index}-dkms`;
          return `${space}- ${flow ? `{ ${entry} }` : entry}\n${gap.startsWith('\n') ? gap : ''}`;
        });
        const text = `${HEAD}modules:\n${items.join('')}${end}`;
        const before = parseConfig(text, 'c.yaml');
        const changed = addModules(text, 'c.yaml', [FIRST, DRIVER]).text;
        const { modules, ...rest } = parseConfig(changed, 'c.yaml');
        const { modules: old, ...oldRest } = before;
        expect(rest).toEqual(oldRest);
        expect(modules.slice(0, -2)).toEqual(old);
        expect(modules.slice(-2).map(nameOf)).toEqual(['first', 'driver']);
        const added = new Set(['first-dkms', './driver']);
        const kept = changed
          .split('\n')
          .filter((line) => ![...added].some((word) => line.includes(word)));
        expect(kept.join('\n').trimEnd()).toBe(text.trimEnd());
      }),
      { numRuns: 300 },
    );
  });
});
