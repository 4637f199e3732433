import type { Cell } from '../cell.ts';
import type { Machine } from '../machine.ts';

const FULL = ['apt', 'full-upgrade', '-y'];
const UPGRADE = ['apt', 'upgrade', '-y'];
const NAMED = ['apt', 'install', '-y', 'linux-image-@B'];
const MISSING = { debian: 'AB', ours: { foo: 'A' } };
const READY = { debian: 'AB', ours: { foo: 'AB' } };
const later = { world: READY };

/** Adds lines to the guard's settings. */
function settings(...lines: readonly string[]): NonNullable<Cell['before']> {
  return async (machine) => {
    await machine.shell(
      `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >>/etc/lockstep/guard.conf`,
    );
  };
}

function override(): Cell[] {
  const group = 'apt -o Lockstep::Allow=true';
  const [, ...install] = NAMED;
  const allow = ['-o', 'Lockstep::Allow=true'];
  return [
    {
      ...{ group, world: MISSING, later },
      name: 'apt install linux-image-B',
      command: ['apt', ...allow, ...install],
      expected: 'let in',
    },
    {
      ...{ group, world: MISSING, later },
      name: 'aptitude install linux-image-B',
      command: ['aptitude', ...allow, ...install],
      expected: 'let in',
    },
    {
      ...{ group, world: MISSING, later },
      name: 'apt full-upgrade',
      command: ['apt', ...allow, 'full-upgrade', '-y'],
      isUpgrade: true,
      expected: 'held',
    },
    {
      ...{ group, world: READY, later },
      name: 'apt install linux-image-B and its module, no override needed',
      command: [...NAMED, 'foo-modules-@B'],
      expected: 'together',
    },
    {
      group: 'lockstep-guard allow',
      name: 'apt install linux-image-B',
      prepare: async (machine) => {
        await machine.run(['lockstep-guard', 'allow', await releaseB(machine)]);
      },
      world: MISSING,
      command: NAMED,
      expected: 'let in',
      later,
    },
    {
      group: 'lockstep-guard allow',
      name: 'apt full-upgrade: the edge still holds',
      prepare: async (machine) => {
        await machine.run(['lockstep-guard', 'allow', await releaseB(machine)]);
      },
      world: MISSING,
      command: FULL,
      isUpgrade: true,
      isSilent: true,
      expected: 'held',
      later,
    },
  ];
}

async function releaseB(machine: Machine): Promise<string> {
  const text = await machine.shell(
    "apt-cache show linux-image-amd64 | sed -n 's/^Provides:.*linux-latest-modules-\\([^ ,]*\\).*/\\1/p' | sort -V | tail -n 1",
  );
  return text.trim();
}

function holds(): Cell[] {
  return ['no', 'warn'].flatMap((value): Cell[] => {
    const rest = {
      group: `hold=${value}`,
      before: settings(`hold=${value}`),
      world: MISSING,
      isSilent: true,
      later,
    };
    return [
      {
        ...rest,
        name: 'apt upgrade: the edge still holds',
        command: UPGRADE,
        isUpgrade: true,
        expected: 'held',
      },
      {
        ...rest,
        name: 'apt full-upgrade: the edge still holds',
        command: FULL,
        isUpgrade: true,
        expected: 'held',
      },
      { ...rest, name: 'apt install linux-image-B', command: NAMED, expected: 'let in' },
    ];
  });
}

/** Makes all holds older than they are. */
async function aged(machine: Machine): Promise<void> {
  await machine.shell(`awk -F '\\t' -v OFS='\\t' '{ $5 -= 10 * 86400; print }' /var/lib/lockstep-guard/holds >/tmp/holds
[ -s /tmp/holds ] && cat /tmp/holds >/var/lib/lockstep-guard/holds
lockstep-guard refresh`);
}

function limits(): Cell[] {
  const rest = {
    group: 'max-hold-days=3, held for 10 days',
    before: settings('max-hold-days=3'),
    prepare: aged,
    world: MISSING,
    later,
  };
  return [
    { ...rest, name: 'apt install linux-image-B', command: NAMED, expected: 'let in' },
    {
      ...rest,
      name: 'apt full-upgrade: the edge still holds',
      command: FULL,
      isUpgrade: true,
      expected: 'held',
      isSilent: true,
    },
    {
      ...rest,
      name: 'max-hold-days=20: apt install linux-image-B',
      before: settings('max-hold-days=20'),
      command: NAMED,
      expected: 'refused',
    },
  ];
}

function exceptions(): Cell[] {
  const rest = { group: 'except=foo', world: MISSING, without: ['foo'], later };
  return [
    {
      ...rest,
      name: 'apt install linux-image-B',
      before: settings('except=foo'),
      command: NAMED,
      expected: 'not concerned',
    },
    {
      ...rest,
      name: 'except=foo:cloud-amd64: apt install linux-image-B',
      before: settings('except=foo:cloud-amd64'),
      command: NAMED,
      expected: 'refused',
    },
    {
      ...rest,
      name: 'except=bar, bar is missing too: apt install linux-image-B with foo',
      before: async (machine) => {
        await settings('except=bar')(machine);
        await machine.publish({ debian: 'A', ours: { foo: 'A', bar: 'A' }, other: '1.0' });
        await machine.shell('apt-get install -y bar-modules-amd64');
      },
      world: { debian: 'AB', ours: { foo: 'AB', bar: 'A' } },
      command: [...NAMED, 'foo-modules-@B'],
      without: ['bar'],
      expected: 'together',
      later: { world: { debian: 'AB', ours: { foo: 'AB', bar: 'AB' } } },
    },
  ];
}

function dkms(): Cell[] {
  const install = async (machine: Machine): Promise<void> => {
    await machine.publish({ debian: 'A', ours: { foo: 'A' }, other: '1.0' });
    await machine.shell('apt-get install -y foo-dkms linux-headers-amd64');
  };
  const rest = { group: 'foo-dkms and headers are installed too', world: MISSING };
  const counts = async (machine: Machine): Promise<void> => {
    await settings('fallback=dkms')(machine);
    await install(machine);
  };
  return [
    {
      ...rest,
      name: 'fallback=dkms: apt install linux-image-B',
      before: counts,
      command: [...NAMED, 'linux-headers-@B'],
      expected: 'together',
      later,
    },
    {
      ...rest,
      name: 'fallback=none: apt install linux-image-B',
      before: install,
      command: [...NAMED, 'linux-headers-@B'],
      expected: 'refused',
      later,
    },
    {
      ...rest,
      name: 'fallback=dkms: apt full-upgrade: the edge still holds',
      before: counts,
      command: FULL,
      isUpgrade: true,
      isSilent: true,
      expected: 'held',
      later,
    },
  ];
}

export const policyCells: readonly Cell[] = [
  ...override(),
  ...holds(),
  ...limits(),
  ...exceptions(),
  ...dkms(),
];
