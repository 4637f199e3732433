import { describe, expect, test } from 'vitest';
import { makePlan } from './plan.ts';
import {
  aheadFrom,
  choiceOf,
  makeInputs,
  makeKernel,
  makeModule,
  makeRecord,
  makeSuite,
} from './testing/inputs.ts';

describe('suites', () => {
  test('with the same kernel and version have one target, and so one build', () => {
    const kernel = makeKernel('7.2-amd64');
    const choice = choiceOf(makeModule('demo'));
    const elsewhere = choiceOf(makeModule('demo', '1.0-1', { from: 'forky' }));
    const { targets } = makePlan(
      makeInputs([makeSuite('sid', [kernel], [choice]), makeSuite('forky', [kernel], [elsewhere])]),
    );
    expect(targets).toMatchObject([{ suites: ['forky', 'sid'], module: { from: 'forky' } }]);
  });

  test('with other versions of a module have a target each', () => {
    const kernel = makeKernel('7.2-amd64');
    const { targets } = makePlan(
      makeInputs([
        makeSuite('sid', [kernel], [choiceOf(makeModule('demo', '2.0-1'))]),
        makeSuite('forky', [kernel], [choiceOf(makeModule('demo', '1.0-1'))]),
      ]),
    );
    expect(targets.map(({ module, suites }) => [module.version, suites])).toEqual([
      ['2.0-1', ['sid']],
      ['1.0-1', ['forky']],
    ]);
  });

  test('that have a kernel do not wait for it, whoever else does', () => {
    const kernel = makeKernel('7.2-amd64');
    const choices = [choiceOf(makeModule('demo'))];
    const { targets } = makePlan(
      makeInputs([
        makeSuite('forky', [aheadFrom('sid', kernel)], choices),
        makeSuite('sid', [kernel, aheadFrom('experimental', kernel)], choices),
      ]),
    );
    expect(targets).toMatchObject([{ suites: ['sid'], ahead: ['forky'] }]);
  });

  test('that are only read miss no module, unless their kernels are asked about', () => {
    const missing = { name: 'gone', package: 'gone-dkms', candidates: [] };
    const read = makeSuite('sid', [], [missing], false);
    const asked = makeSuite('experimental', [makeKernel('7.3-amd64')], [missing], false);
    const published = makeSuite('trixie', [], [missing]);
    expect(makePlan(makeInputs([read, asked, published])).absent).toEqual([
      { suite: 'experimental', module: 'gone', package: 'gone-dkms', architecture: undefined },
      { suite: 'trixie', module: 'gone', package: 'gone-dkms', architecture: undefined },
    ]);
  });

  test('miss a module on one architecture', () => {
    const kernels = ['amd64', 'arm64', 'armhf'].map((architecture) =>
      makeKernel('7.2-x', { architecture }),
    );
    const versions = choiceOf(
      makeModule('demo', '2.0-1', { architecture: 'amd64' }),
      makeModule('demo', '1.0-1', { architecture: 'arm64' }),
    );
    const { targets, absent } = makePlan(makeInputs([makeSuite('sid', kernels, [versions])]));
    expect(targets.map(({ module, kernel }) => [kernel.architecture, module.version])).toEqual([
      ['amd64', '2.0-1'],
      ['arm64', '1.0-1'],
    ]);
    expect(absent).toEqual([
      { suite: 'sid', module: 'demo', package: 'demo-dkms', architecture: 'armhf' },
    ]);
  });
});

test('targets are in the order of module, architecture, flavour, release, newest first', () => {
  const kernels = [
    ...['6.9.0-b', '6.12.0-a', '6.9.0-a', '6.12.117-a'].map((release) => makeKernel(release)),
    makeKernel('6.9.0-a', { architecture: 'arm64' }),
    makeKernel('6.9.0-a', { version: '6.9.0-10' }),
    makeKernel('6.9.0-a', { version: '6.9.0-9' }),
  ];
  const choices = [choiceOf(makeModule('z')), choiceOf(makeModule('a'))];
  const { targets } = makePlan(makeInputs([makeSuite('sid', kernels, choices)]));
  const order = [
    'amd64 6.12.117-a 6.12.117-1',
    'amd64 6.12.0-a 6.12.0-1',
    'amd64 6.9.0-a 6.9.0-10',
    'amd64 6.9.0-a 6.9.0-9',
    'amd64 6.9.0-a 6.9.0-1',
    'amd64 6.9.0-b 6.9.0-1',
    'arm64 6.9.0-a 6.9.0-1',
  ];
  expect(
    targets.map(
      ({ module, kernel }) =>
        `${module.name} ${kernel.architecture} ${kernel.release} ${kernel.version}`,
    ),
  ).toEqual(['a', 'z'].flatMap((name) => order.map((line) => `${name} ${line}`)));
});

test('a build is known by its key alone where its inputs are not', () => {
  const kernel = makeKernel('7.2-amd64');
  const module = makeModule('demo');
  const record = makeRecord(module, kernel, 'built', { inputs: '' });
  const suites = [makeSuite('sid', [kernel], [choiceOf(module)])];
  expect(makePlan(makeInputs(suites, { records: [record] })).targets[0]?.verdict).toBe('built');
  const other = makeInputs(suites, { records: [record], toolchain: 1 });
  expect(makePlan(other).targets[0]?.verdict).toBe('queued');
});
