import type { Cell } from '../cell.ts';
import type { SuiteName } from '../suites.ts';
import type { World } from '../world.ts';
import { isQuiet } from './checks.ts';

const UPGRADE = ['apt', 'upgrade', '-y'];
const FULL = ['apt', 'full-upgrade', '-y'];
const STABLE: readonly SuiteName[] = ['bookworm', 'trixie'];

function security(): Cell[] {
  const world: World = { debian: 'A', security: 'B', ours: { foo: 'A' } };
  const later = { world: { ...world, ours: { foo: 'AB' } } };
  const rest = { group: 'the security suite has the newer kernel', suites: STABLE, world, later };
  const META = 'linux-image-amd64';
  return [
    { ...rest, name: 'apt upgrade', command: UPGRADE, isUpgrade: true, expected: 'held' },
    {
      ...rest,
      name: 'unattended-upgrade',
      command: ['unattended-upgrade', '-v'],
      isUpgrade: true,
      expected: 'held',
      later: { ...later, command: ['unattended-upgrade', '-v'] },
    },
    {
      ...rest,
      name: 'apt install -t SECURITY linux-image-amd64',
      command: ['apt', 'install', '-y', '-t', '@security', META],
      expected: 'held',
    },
    {
      ...rest,
      name: 'apt install linux-image-amd64/SECURITY',
      command: ['apt', 'install', '-y', `${META}/@security`],
      expected: 'refused',
    },
    {
      ...rest,
      name: 'apt full-upgrade -t SECURITY',
      command: [...FULL, '-t', '@security'],
      expected: 'held',
    },
  ];
}

function revisions(): Cell[] {
  const rest = { group: 'the same ABI in a new revision', isUpgrade: true, check: isQuiet };
  return [
    {
      ...rest,
      name: 'apt upgrade, module of the first revision',
      command: UPGRADE,
      world: { debian: 'N', ours: { foo: 'A' } },
      expected: 'renewed',
    },
    {
      ...rest,
      name: 'apt full-upgrade, module of the first revision',
      command: FULL,
      world: { debian: 'N', ours: { foo: 'A' } },
      expected: 'renewed',
    },
    {
      ...rest,
      name: 'unattended-upgrade, module built again',
      command: ['unattended-upgrade', '-v'],
      world: { debian: 'N', ours: { foo: 'AN' } },
      expected: 'renewed',
    },
  ];
}

function ahead(): Cell[] {
  const rest = {
    group: 'the modules are ahead of the kernel',
    world: { debian: 'A', ours: { foo: 'AB' } },
    isUpgrade: true,
    later: { world: { debian: 'AB', ours: { foo: 'AB' } } },
  };
  return [
    { ...rest, name: 'apt upgrade', command: UPGRADE, expected: 'no effect' },
    { ...rest, name: 'apt full-upgrade', command: FULL, expected: 'no effect' },
    {
      ...rest,
      name: 'aptitude full-upgrade',
      command: ['aptitude', 'full-upgrade', '-y'],
      expected: 'no effect',
    },
  ];
}

function inTree(): Cell[] {
  return [
    {
      group: 'the newer kernel has the module itself',
      name: 'apt upgrade',
      command: UPGRADE,
      isUpgrade: true,
      world: { debian: 'AB', ours: { foo: 'AB=B' } },
      // No package brings it.
      without: ['foo'],
      expected: 'not concerned',
      check: isQuiet,
    },
    {
      group: 'the newer kernel has the module itself',
      name: 'apt upgrade, from that kernel to one for which it is missing',
      command: UPGRADE,
      isUpgrade: true,
      before: async (machine) => {
        await machine.publish({ debian: 'AB', ours: { foo: 'AB=B' }, other: '1.0' });
        await machine.shell('apt-get dist-upgrade -y');
      },
      world: { debian: 'ABC', ours: { foo: 'AB=B' } },
      expected: 'held',
      later: { world: { debian: 'ABC', ours: { foo: 'ABC' } } },
    },
  ];
}

function gone(): Cell[] {
  const later = { world: { debian: 'AB', ours: { foo: 'AB' } } };
  const isGone = {
    ...{ group: 'the repository of modules is gone', later },
    world: { debian: 'AB', ours: undefined },
  };
  const isForgotten: Partial<Cell> = {
    prepare: async (machine) => {
      await machine.shell(
        "sed -i '/ours/d' /etc/apt/sources.list.d/stage.list && apt-get update && lockstep-guard refresh",
      );
    },
  };
  return [
    { ...isGone, name: 'apt upgrade', command: UPGRADE, isUpgrade: true, expected: 'held' },
    { ...isGone, name: 'apt full-upgrade', command: FULL, isUpgrade: true, expected: 'held' },
    {
      ...isGone,
      name: 'apt install linux-image-amd64',
      command: ['apt', 'install', '-y', 'linux-image-amd64'],
      expected: 'held',
    },
    {
      ...isGone,
      ...isForgotten,
      name: 'its source is removed, apt full-upgrade',
      command: FULL,
      isUpgrade: true,
      expected: 'held',
    },
    {
      ...isGone,
      ...isForgotten,
      name: 'its source is removed, apt install linux-image-B',
      command: ['apt', 'install', '-y', 'linux-image-@B'],
      expected: 'refused',
    },
  ];
}

export const archiveCells: readonly Cell[] = [
  ...security(),
  ...revisions(),
  ...ahead(),
  ...inTree(),
  ...gone(),
];
