import type { Cell } from '../cell.ts';
import type { Machine } from '../machine.ts';

const UPGRADE = ['apt', 'upgrade', '-y'];
const NAMED = ['apt', 'install', '-y', 'linux-image-@B'];
const FIRST = { debian: 'A', ours: { foo: 'A' }, other: '1.0' as const };
const MISSING = { debian: 'AB', ours: { foo: 'A' } };
const later = { world: { debian: 'AB', ours: { foo: 'AB' } } };
const group = 'the guard is damaged, or can not write';

/** Does something before the machine knows of B. */
function broken(
  name: string,
  script: string,
  rest: Pick<Cell, 'command' | 'expected' | 'isUpgrade' | 'later' | 'isSilent'>,
): Cell {
  return {
    group,
    name,
    before: async (machine) => {
      await machine.shell(script);
    },
    world: MISSING,
    ...rest,
  };
}

const STILL = { command: UPGRADE, isUpgrade: true, isSilent: true, expected: 'held' } as const;

/** The archives change unseen; the operation itself reads them, in mounts that end with it. */
function mounted(
  name: string,
  mounts: string,
  command: string,
  rest: Pick<Cell, 'expected' | 'isUpgrade'>,
): Cell {
  return {
    group,
    name,
    world: FIRST,
    prepare: async (machine) => {
      await machine.offer(MISSING);
    },
    command: ['sh', '-c', `${mounts} && apt-get update && ${command}`],
    ...rest,
    later,
  };
}

const FULL_DISK = `cp -a /var/lib/lockstep-guard /run/copy && mount -t tmpfs -o size=16k none /var/lib/lockstep-guard &&
cp -a /run/copy/. /var/lib/lockstep-guard/ && { cat /dev/zero >/var/lib/lockstep-guard/zero 2>/dev/null; true; }`;
const READ_ONLY = 'mount --bind /etc /etc && mount -o remount,bind,ro /etc';
const SHARE = '/usr/share/lockstep-guard';

const damageCellsOf: readonly Cell[] = [
  broken('a file of the guard is missing, apt upgrade', `rm ${SHARE}/lib/gate.sh`, {
    ...STILL,
    later: undefined,
  }),
  broken('the guard itself is missing, apt upgrade', 'rm /usr/sbin/lockstep-guard', {
    ...STILL,
    later: undefined,
  }),
  broken('the gate is missing, apt upgrade', `rm ${SHARE}/apt-gate`, {
    ...STILL,
    isSilent: false,
    later,
  }),
  broken('the gate ends with an error, apt upgrade', `echo 'exit 3' >${SHARE}/lib/gate.sh`, {
    ...STILL,
    later: undefined,
  }),
  broken(
    'a wanted file is garbage, apt upgrade',
    `head -c 3000 /dev/urandom >${SHARE}/wanted/foo-modules-amd64`,
    {
      ...STILL,
      later,
    },
  ),
  broken(
    'a second wanted file is garbage, apt install linux-image-B',
    `head -c 3000 /dev/urandom >${SHARE}/wanted/bad`,
    {
      command: NAMED,
      expected: 'refused',
      later: undefined,
    },
  ),
  broken('a wanted file is empty, apt upgrade', `: >${SHARE}/wanted/foo-modules-amd64`, {
    ...STILL,
    later,
  }),
  broken(
    'settings are garbage, apt install linux-image-B',
    'head -c 3000 /dev/urandom >/etc/lockstep/guard.conf',
    {
      command: NAMED,
      expected: 'refused',
      later,
    },
  ),
  broken(
    'what the guard remembers is garbage, apt upgrade',
    'for name in archive holds in-tree allowed; do head -c 3000 /dev/urandom >/var/lib/lockstep-guard/$name; done',
    {
      command: UPGRADE,
      isUpgrade: true,
      expected: 'held',
      later,
    },
  ),
  broken('what the guard remembers is gone, apt upgrade', 'rm -rf /var/lib/lockstep-guard', {
    command: UPGRADE,
    isUpgrade: true,
    expected: 'held',
    later,
  }),
  mounted('the disk is full, apt upgrade', FULL_DISK, 'apt upgrade -y', {
    isUpgrade: true,
    expected: 'held',
  }),
  mounted(
    'the disk is full, apt install linux-image-B',
    FULL_DISK,
    'apt install -y linux-image-@B',
    { expected: 'refused' },
  ),
  mounted('/etc is read-only, apt upgrade', READ_ONLY, 'apt upgrade -y', {
    isUpgrade: true,
    expected: 'held',
  }),
  // Pins can't be written: the gate is the last resort, where apt lets the tracking package go.
  mounted('/etc is read-only, apt full-upgrade', READ_ONLY, 'apt full-upgrade -y', {
    expected: { sid: 'held', default: 'refused' },
  }),
  mounted(
    '/etc is read-only, apt install linux-image-B',
    READ_ONLY,
    'apt install -y linux-image-@B',
    { expected: 'refused' },
  ),
];

/** Everything of a machine that stays when packages go, but for what dpkg and apt remember. */
async function files(machine: Machine): Promise<string[]> {
  const text = await machine.shell(
    'find /etc /var/lib /boot /run /usr -xdev \\( -path /var/lib/apt -o -path /var/lib/dpkg -o -path /run/mount -o -path /run/copy -o -path /run/other-pins \\) -prune -o -print | grep -v __pycache__ | LC_ALL=C sort; cat /etc/apt/preferences.d/* /etc/apt/apt.conf.d/* 2>/dev/null || :',
  );
  return text.split('\n');
}

/** Whether a machine is as one that never had a module. */
function traces(isGuardLeft: boolean): NonNullable<Cell['check']> {
  return async (machine) => {
    await using clean = await machine.another('plain');
    await clean.publish(MISSING);
    if (isGuardLeft) {
      await clean.shell('apt-get install -y lockstep-guard');
    }
    const expected = new Set(await files(clean));
    const found = await files(machine);
    const more = found.filter((line) => !expected.has(line));
    const less = [...expected].filter((line) => !found.includes(line));
    return [...more.map((line) => `left: ${line}`), ...less.map((line) => `lost: ${line}`)].slice(
      0,
      8,
    );
  };
}

const traceCells: readonly Cell[] = [
  {
    group: 'no trace is left',
    name: 'apt purge of the modules, the guard stays',
    world: MISSING,
    command: ['apt', 'purge', '-y', 'foo-modules-amd64', 'foo-modules-@A'],
    removes: ['foo-modules-amd64'],
    expected: 'done',
    check: traces(true),
  },
  {
    group: 'no trace is left',
    name: 'apt autopurge of modules and guard',
    world: MISSING,
    command: ['apt', 'autopurge', '-y', 'foo-modules-amd64', 'foo-modules-@A'],
    removes: ['foo-modules-amd64', 'lockstep-guard'],
    expected: 'done',
    check: traces(false),
  },
  {
    group: 'no trace is left',
    name: 'apt purge of the guard',
    world: MISSING,
    command: ['apt', 'purge', '-y', 'lockstep-guard', 'foo-modules-@A'],
    removes: ['foo-modules-amd64', 'lockstep-guard'],
    expected: 'done',
    check: traces(false),
  },
];

export const damageCells: readonly Cell[] = [...damageCellsOf, ...traceCells];
