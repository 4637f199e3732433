import type { Cell } from '../cell.ts';
import type { Machine } from '../machine.ts';
import type { SuiteName } from '../suites.ts';
import { words } from '../words.ts';
import type { World } from '../world.ts';
import { isQuiet } from './checks.ts';

const UPGRADE = ['apt', 'upgrade', '-y'];
const FULL = ['apt', 'full-upgrade', '-y'];
const STABLE: readonly SuiteName[] = ['bookworm', 'trixie'];

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

/** Other suites and architectures than the machine's own. */
export const releaseCells: readonly Cell[] = [...backports(), ...foreign(), ...release()];
