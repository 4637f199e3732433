import { describe, expect, test } from 'vitest';
import { slow } from '../support/tier.ts';
import { CELLS } from './cells/all.ts';
import { judge } from './judge.ts';
import { cellsOf } from './matrix.ts';
import { runCell } from './run-cell.ts';
import { Stage } from './stage.ts';
import { parseState, type State } from './state.ts';
import { SUITES } from './suites.ts';

const MINUTES = 60_000;

/** One of each kind. */
const SAMPLE = [
  'the module is missing: apt upgrade',
  'the module is missing: unattended-upgrade',
  'the module is published: apt full-upgrade',
  'two modules, one of them published: aptitude full-upgrade',
  'dpkg: dpkg -i of B, without its module',
  'kernels and modules go: apt purge of the only kernel',
  'apt -o Lockstep::Allow=true: apt install linux-image-B',
  'no trace is left: apt autopurge of modules and guard',
];

describe('the matrix', () => {
  test('has no two cells of one name in a suite, and the sample', () => {
    for (const suite of SUITES) {
      const names = cellsOf(suite, []).map(({ group, name }) => `${group}: ${name}`);
      expect(names.length).toBe(new Set(names).size);
    }
    const all = CELLS.map(({ group, name }) => `${group}: ${name}`);
    expect(all).toEqual(expect.arrayContaining(SAMPLE));
  });
});

/** A machine's state, by the text of its sections. */
function state(packages: readonly string[], modules: readonly string[] = []): State {
  const text = [
    ...['## packages', ...packages.map((name) => `${name}:amd64\t1\tii `)],
    ...['## audit', '## kernels', '6.1.0-1-amd64', '## modules', ...modules],
    ...['## wanted', 'foo amd64', '## pending', '## traces', '## end'],
  ];
  return parseState(text.join('\n'));
}

describe('the judge', () => {
  const A = ['linux-image-6.1.0-1-amd64', 'linux-image-amd64', 'foo-modules-amd64'];
  const before = state(A, ['6.1.0-1-amd64 foo']);
  const B = 'linux-image-6.1.0-2-amd64';
  const run = { before, exitCode: 0, output: '' };

  test('tells a kernel with its module from one without, and from one that is of no concern', () => {
    const both = ['6.1.0-1-amd64 foo', '6.1.0-2-amd64 foo'];
    expect(judge({ ...run, after: state([...A, B], both) }).outcome).toBe('together');
    expect(judge({ ...run, after: state([...A, B]) }).outcome).toBe('let in');
    const cloud = state([...A, 'linux-image-6.1.0-2-cloud-amd64']);
    expect(judge({ ...run, after: cloud }).outcome).toBe('not concerned');
  });

  test('finds what must never be', () => {
    const lost = judge({
      ...run,
      after: state(['linux-image-6.1.0-1-amd64', 'linux-image-amd64']),
    });
    expect(lost.problems).toEqual(['foo-modules-amd64 was removed']);
    expect(judge({ ...run, after: state([]) }).problems).toContain('no kernel is left');
    expect(judge({ ...run, after: before }, { isUpgrade: true }).problems).toEqual([
      'everything else was blocked',
    ]);
    const half = state(A);
    const broken = new Map([...half.packages, [`${B}:amd64`, { version: '1', status: 'iU' }]]);
    expect(judge({ ...run, after: { ...half, packages: broken } }).problems).toEqual([
      `dpkg is left with ${B}:amd64 iU`,
    ]);
  });
});

describe.each(slow ? SUITES : (['trixie'] as const))('the guard in %s', (suite) => {
  const stage = new Stage(suite);
  const cells = cellsOf(suite, []).filter(
    ({ group, name }) => slow || SAMPLE.includes(`${group}: ${name}`),
  );
  test.each(cells.map((cell) => [`${cell.group}: ${cell.name}`, cell] as const))(
    '%s',
    async (_name, cell) => {
      const { problems } = await runCell(stage, cell);
      expect(problems).toEqual([]);
    },
    15 * MINUTES,
  );
});
