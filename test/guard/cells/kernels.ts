import type { Cell } from '../cell.ts';
import type { Machine } from '../machine.ts';
import { hasStatus } from './checks.ts';
import { dpkg } from './dpkg.ts';

const FULL = ['apt', 'full-upgrade', '-y'];
const READY = { debian: 'AB', ours: { foo: 'AB' } };
const MISSING = { debian: 'AB', ours: { foo: 'A' } };

/** The newest kernel and its modules, beside A's. */
async function upgraded(machine: Machine): Promise<void> {
  await machine.publish(READY);
  await machine.shell('apt-get dist-upgrade -y');
}

function fresh(): Cell[] {
  const rest = {
    group: 'a module is installed on a machine with the newest kernel',
    start: 'plain' as const,
    before: async (machine: Machine) => {
      await machine.publish({ debian: 'AB', ours: undefined });
      await machine.shell('apt-get dist-upgrade -y');
    },
  };
  const install = ['apt', 'install', '-y', 'foo-modules-amd64'];
  return [
    {
      ...rest,
      name: 'it is published',
      command: install,
      world: READY,
      expected: 'done',
      check: hasStatus(0),
    },
    {
      ...rest,
      name: 'it is not published',
      command: install,
      world: MISSING,
      expected: 'declined',
      later: { world: READY, command: install },
    },
    {
      ...rest,
      name: 'it is not published, aptitude',
      command: ['aptitude', 'install', '-y', 'foo-modules-amd64'],
      world: MISSING,
      // It installs the module for A alone.
      expected: 'done',
    },
  ];
}

function away(): Cell[] {
  const group = 'kernels and modules go';
  return [
    {
      group,
      name: 'apt purge of A beside B',
      before: upgraded,
      world: READY,
      command: ['apt', 'purge', '-y', 'linux-image-@A'],
      expected: 'done',
      check: hasStatus(0),
    },
    {
      group,
      name: 'apt purge of the only kernel',
      world: MISSING,
      command: ['apt', 'purge', '-y', 'linux-image-@A'],
      expected: 'refused',
      later: { world: READY },
    },
    {
      group,
      name: 'apt purge of A beside a B without the module',
      prepare: async (machine) => {
        await machine.shell(dpkg(machine, '-i'));
      },
      world: MISSING,
      command: ['apt', 'purge', '-y', 'linux-image-@A'],
      expected: 'refused',
      later: { world: READY },
    },
    {
      group,
      name: 'apt autoremove with A, B and C',
      before: async (machine) => {
        await upgraded(machine);
        await machine.publish({ debian: 'ABC', ours: { foo: 'ABC' } });
        await machine.shell('apt-get dist-upgrade -y');
      },
      world: { debian: 'ABC', ours: { foo: 'ABC' } },
      command: ['apt', 'autoremove', '-y'],
      expected: 'done',
      check: orphans,
    },
    {
      group,
      name: 'apt remove of the module, then full-upgrade',
      prepare: async (machine) => {
        await machine.shell('apt-get remove -y foo-modules-amd64');
      },
      world: MISSING,
      command: FULL,
      isUpgrade: true,
      isSilent: true,
      expected: 'not concerned',
    },
    {
      group,
      name: 'apt install linux-image-amd64=VERSION of A, from B',
      suites: ['bookworm', 'trixie'],
      before: async (machine) => {
        await machine.publish({ debian: 'A', security: 'B', ours: { foo: 'AB' } });
        await machine.shell('apt-get dist-upgrade -y');
      },
      world: { debian: 'A', security: 'B', ours: { foo: 'AB' } },
      command: ['apt', 'install', '-y', '--allow-downgrades', 'linux-image-amd64=@vA'],
      expected: 'refused',
    },
    {
      group,
      name: 'apt install linux-image-amd64=VERSION of A and the module removed by name, from B',
      suites: ['bookworm', 'trixie'],
      before: async (machine) => {
        await machine.publish({ debian: 'A', security: 'B', ours: { foo: 'AB' } });
        await machine.shell('apt-get dist-upgrade -y');
      },
      world: { debian: 'A', security: 'B', ours: { foo: 'AB' } },
      command: [
        ...['apt', 'install', '-y', '--allow-downgrades'],
        ...['linux-image-amd64=@vA', 'foo-modules-amd64-'],
      ],
      removes: ['foo-modules-amd64'],
      expected: 'done',
    },
  ];
}

/** Module packages without their kernel, and the other way round. */
async function orphans(machine: Machine): Promise<string[]> {
  const { packages } = await machine.state();
  const names = [...packages].filter(([, { status }]) => status === 'ii').map(([name]) => name);
  const releases = (pattern: RegExp): string[] =>
    names.flatMap((name) => pattern.exec(name)?.groups?.['release'] ?? []);
  const kernels = releases(/^linux-image-(?<release>\d.*):/);
  const modules = releases(/^foo-modules-(?<release>\d.*):/);
  return [
    ...kernels.filter((one) => !modules.includes(one)).map((one) => `${one} has lost its module`),
    ...modules
      .filter((one) => !kernels.includes(one))
      .map((one) => `${one}: only its module is left`),
    ...(kernels.length < 3 ? [] : ['no kernel went']),
  ];
}

function headers(): Cell[] {
  const rest = {
    group: 'linux-headers-amd64 is installed too',
    before: async (machine: Machine) => {
      await machine.publish({ debian: 'A', ours: { foo: 'A' }, other: '1.0' });
      await machine.shell('apt-get install -y linux-headers-amd64');
    },
    world: MISSING,
    later: { world: READY },
  };
  const one = (name: string, command: string[], expected: Cell['expected']): Cell => ({
    ...rest,
    name,
    command,
    isUpgrade: command.includes('upgrade') || command.includes('full-upgrade'),
    expected,
  });
  return [
    one('apt upgrade', ['apt', 'upgrade', '-y'], 'held'),
    one('apt full-upgrade', FULL, 'held'),
    one('aptitude full-upgrade', ['aptitude', 'full-upgrade', '-y'], 'held'),
    one('apt install linux-headers-amd64', ['apt', 'install', '-y', 'linux-headers-amd64'], 'held'),
    {
      ...one('apt install linux-headers-B', ['apt', 'install', '-y', 'linux-headers-@B'], {
        // Only trixie's headers need the image.
        trixie: 'refused',
        default: 'done',
      }),
      later: undefined,
    },
  ];
}

function unsigned(): Cell[] {
  return [
    {
      group: 'the unsigned image',
      name: 'apt install',
      suites: ['bookworm', 'trixie'],
      command: ['apt', 'install', '-y', 'linux-image-@B-unsigned'],
      world: MISSING,
      expected: 'refused',
      later: { world: READY },
    },
    {
      group: 'the unsigned image',
      name: 'apt install',
      suites: ['sid'],
      command: ['apt', 'install', '-y', 'linux-binary-unsigned-@B'],
      world: MISSING,
      expected: 'refused',
      later: { world: READY },
    },
  ];
}

export const kernelCells: readonly Cell[] = [...fresh(), ...away(), ...headers(), ...unsigned()];
