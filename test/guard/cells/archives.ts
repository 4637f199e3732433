import type { Cell } from '../cell.ts';
import type { Machine } from '../machine.ts';
import type { SuiteName } from '../suites.ts';
import { words } from '../words.ts';
import type { World } from '../world.ts';

const UPGRADE = ['apt', 'upgrade', '-y'];
const FULL = ['apt', 'full-upgrade', '-y'];
const STABLE: readonly SuiteName[] = ['bookworm', 'trixie'];

/** Whether the guard finds nothing to say. */
async function isQuiet(machine: Machine): Promise<string[]> {
  const { exitCode, stdout } = await machine.run(['lockstep-guard', 'status']);
  return exitCode === 0 ? [] : [`status ${exitCode}: ${stdout}`];
}

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

function backports(): Cell[] {
  const world: World = { debian: 'A', backports: 'P', ours: { foo: 'A' } };
  const rest = { group: 'backports has a kernel', suites: STABLE, world };
  const install = ['apt', 'install', '-y', '-t', '@backports', 'linux-image-amd64'];
  const later = { world: { ...world, ours: { foo: 'AP' } }, command: install };
  return [
    {
      ...rest,
      name: 'apt full-upgrade: not its turn, and no word of it',
      command: FULL,
      isUpgrade: true,
      expected: 'no effect',
      check: isQuiet,
    },
    {
      ...rest,
      name: "apt full-upgrade, the administrator's own pin prefers backports",
      before: async (machine) => {
        const pin = 'Package: linux-image-amd64\nPin: release n=@backports\nPin-Priority: 900\n';
        await machine.root.writeFile(
          '/etc/apt/preferences.d/own',
          words([pin], machine.suite).join(''),
        );
      },
      command: FULL,
      isUpgrade: true,
      expected: 'held',
    },
    {
      ...rest,
      name: 'apt full-upgrade, kernel B is held: the one of backports does not come in its place',
      world: { ...world, debian: 'AB' },
      command: FULL,
      isUpgrade: true,
      expected: 'held',
      later: { world: { ...world, debian: 'AB', ours: { foo: 'AB' } } },
    },
    {
      ...rest,
      name: 'apt install -t BACKPORTS linux-image-amd64',
      command: install,
      expected: 'refused',
      later,
    },
    {
      ...rest,
      name: 'apt install linux-image-amd64/BACKPORTS',
      command: ['apt', 'install', '-y', 'linux-image-amd64/@backports'],
      expected: 'refused',
      later,
    },
    {
      ...rest,
      name: 'apt install -t BACKPORTS linux-image-P',
      command: ['apt', 'install', '-y', '-t', '@backports', 'linux-image-@P'],
      expected: 'refused',
      later,
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

/** An amd64 machine that also has i386's packages in its sources. */
function foreign(): Cell[] {
  const rest = {
    group: 'i386 is a foreign architecture',
    suites: ['bookworm'] as const,
    before: async (machine: Machine) => {
      await machine.shell('dpkg --add-architecture i386');
    },
    world: { debian: 'AB', i386: 'AB', ours: { foo: 'A' } },
    later: { world: { debian: 'AB', i386: 'AB', ours: { foo: 'AB' } } },
  };
  return [
    { ...rest, name: 'apt full-upgrade', command: FULL, isUpgrade: true, expected: 'held' },
    {
      ...rest,
      name: "apt install i386's metapackage, wanted for amd64 alone",
      command: ['apt', 'install', '-y', 'linux-image-686-pae:i386'],
      expected: 'not concerned',
    },
    {
      ...rest,
      name: 'apt install linux-image-B:amd64',
      command: ['apt', 'install', '-y', 'linux-image-@B:amd64'],
      expected: 'refused',
    },
  ];
}

function release(): Cell[] {
  const rest = {
    group: 'release upgrade to trixie',
    suites: ['bookworm'] as const,
    isUpgrade: true,
  };
  const ready: World = { suite: 'trixie', debian: 'AB', ours: { foo: 'AB' } };
  const half: World = { suite: 'trixie', debian: 'AB', ours: { foo: 'A' } };
  const none: World = { suite: 'trixie', debian: 'AB', ours: {} };
  const later = { world: ready, command: FULL };
  return [
    {
      ...rest,
      name: 'apt full-upgrade, published',
      command: FULL,
      world: ready,
      expected: 'together',
    },
    {
      ...rest,
      name: 'apt upgrade, not published',
      command: UPGRADE,
      world: half,
      expected: 'held',
      later,
    },
    {
      ...rest,
      name: 'apt full-upgrade, not published',
      command: FULL,
      world: half,
      expected: 'held',
      later,
    },
    {
      ...rest,
      name: 'apt full-upgrade, the module is not there at all',
      command: FULL,
      world: none,
      expected: 'held',
      later,
    },
  ];
}

export const archiveCells: readonly Cell[] = [
  ...security(),
  ...backports(),
  ...revisions(),
  ...ahead(),
  ...inTree(),
  ...gone(),
  ...foreign(),
  ...release(),
];
