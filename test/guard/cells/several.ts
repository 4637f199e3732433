import type { Cell } from '../cell.ts';
import type { Machine } from '../machine.ts';
import { releaseOf } from '../suites.ts';

const FULL = ['apt', 'full-upgrade', '-y'];

/** All ways in which some things are ready or not. */
function states(names: readonly string[]): Map<string, boolean>[] {
  return names.reduce<Map<string, boolean>[]>(
    (found, name) =>
      found.flatMap((one) => [true, false].map((ready) => new Map([...one, [name, ready]]))),
    [new Map<string, boolean>()],
  );
}

/** Installs modules beside foo, for kernel A. */
function install(...modules: readonly string[]): NonNullable<Cell['before']> {
  return async (machine) => {
    const ours = Object.fromEntries(['foo', ...modules].map((module) => [module, 'A']));
    await machine.publish({ debian: 'A', ours, other: '1.0' });
    const names = modules.map((module) => `${module}-modules-amd64`);
    await machine.shell(`apt-get install -y ${names.join(' ')}`);
  };
}

function inAllStates(...modules: readonly string[]): Cell[] {
  const all = ['foo', ...modules];
  return states(all).map((state) => {
    const ready = all.filter((name) => state.get(name) === true);
    return {
      group: `${['', '', 'two', 'three'][all.length]} modules, apt full-upgrade`,
      name: `published: ${ready.join(', ') || 'none'}`,
      command: FULL,
      isUpgrade: true,
      before: install(...modules),
      world: {
        debian: 'AB',
        ours: Object.fromEntries(all.map((name) => [name, state.get(name) === true ? 'AB' : 'A'])),
      },
      expected: ready.length === all.length ? 'together' : 'held',
      later: { world: { debian: 'AB', ours: Object.fromEntries(all.map((name) => [name, 'AB'])) } },
    };
  });
}

const FLAVOURS = ['amd64', 'cloud-amd64', 'rt-amd64'];

/** A machine with kernels of three flavours, which wants foo for two of them. */
async function threeFlavours(machine: Machine): Promise<void> {
  await machine.publish({ debian: 'A', ours: { foo: 'A', 'foo:rt-amd64': 'A' }, other: '1.0' });
  await machine.shell(
    'apt-get install -y linux-image-cloud-amd64 linux-image-rt-amd64 foo-modules-rt-amd64',
  );
}

/** Which flavours' newest kernels are there. */
function came(...expected: readonly string[]): NonNullable<Cell['check']> {
  return async (machine) => {
    const { kernels } = await machine.state();
    return FLAVOURS.flatMap((flavour) => {
      const is = kernels.includes(releaseOf(machine.suite, 'B', flavour));
      return is === expected.includes(flavour)
        ? []
        : [`the kernel of ${flavour} ${is ? 'came' : 'did not come'}`];
    });
  };
}

function inFlavours(name: string, ours: Record<string, string>, ...there: string[]): Cell {
  return {
    group: 'kernels of amd64, cloud and rt, foo wanted for amd64 and rt, apt full-upgrade',
    name,
    command: FULL,
    isUpgrade: true,
    before: threeFlavours,
    world: { debian: 'AB', ours },
    expected: there.length > 1 ? 'together' : 'not concerned',
    check: came(...there),
    later:
      there.length === FLAVOURS.length
        ? undefined
        : { world: { debian: 'AB', ours: { foo: 'AB', 'foo:rt-amd64': 'AB' } } },
  };
}

export const severalCells: readonly Cell[] = [
  ...inAllStates('bar'),
  ...inAllStates('bar', 'baz'),
  inFlavours('published for none', { foo: 'A', 'foo:rt-amd64': 'A' }, 'cloud-amd64'),
  inFlavours(
    'published for amd64',
    { foo: 'AB', 'foo:rt-amd64': 'A' },
    ...['amd64', 'cloud-amd64'],
  ),
  inFlavours('published for rt', { foo: 'A', 'foo:rt-amd64': 'AB' }, 'cloud-amd64', 'rt-amd64'),
  inFlavours('published for both', { foo: 'AB', 'foo:rt-amd64': 'AB' }, ...FLAVOURS),
];
