import type { Cell, Expected } from '../cell.ts';
import type { World } from '../world.ts';

/** What an administrator or a timer does. */
interface Operation {
  name: string;
  command: readonly string[];
  isUpgrade?: boolean;
  /** While the module for B is missing, and while it is there. */
  missing: Expected;
  published: Expected;
}

const YES = '-y';

/** apt upgrades the installed packages of the same source too, the metapackage among them. */
const SAME_SOURCE: Expected = 'together';

/** Every way that brings kernels by apt's resolvers. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: 'apt upgrade',
    command: ['apt', 'upgrade', YES],
    isUpgrade: true,
    missing: 'held',
    published: 'together',
  },
  {
    name: 'apt-get upgrade',
    command: ['apt-get', 'upgrade', YES],
    isUpgrade: true,
    missing: 'held',
    // It never installs new packages.
    published: 'held',
  },
  {
    name: 'apt-get upgrade --with-new-pkgs',
    command: ['apt-get', 'upgrade', '--with-new-pkgs', YES],
    isUpgrade: true,
    missing: 'held',
    published: 'together',
  },
  {
    name: 'apt full-upgrade',
    command: ['apt', 'full-upgrade', YES],
    isUpgrade: true,
    missing: 'held',
    published: 'together',
  },
  {
    name: 'apt-get dist-upgrade',
    command: ['apt-get', 'dist-upgrade', YES],
    isUpgrade: true,
    missing: 'held',
    published: 'together',
  },
  {
    name: 'apt-get --no-remove dist-upgrade',
    command: ['apt-get', '--no-remove', 'dist-upgrade', YES],
    isUpgrade: true,
    missing: 'held',
    published: 'together',
  },
  {
    name: 'unattended-upgrade',
    command: ['unattended-upgrade', '-v'],
    isUpgrade: true,
    missing: 'held',
    published: 'together',
  },
  {
    name: 'aptitude safe-upgrade',
    command: ['aptitude', 'safe-upgrade', YES],
    isUpgrade: true,
    missing: 'held',
    published: 'together',
  },
  {
    name: 'aptitude full-upgrade',
    command: ['aptitude', 'full-upgrade', YES],
    isUpgrade: true,
    missing: 'held',
    published: 'together',
  },
  {
    name: 'dpkg --set-selections, apt-get dselect-upgrade',
    command: [
      'sh',
      '-c',
      'dpkg --update-avail && echo "other install" | dpkg --set-selections && apt-get dselect-upgrade -y',
    ],
    isUpgrade: true,
    missing: 'held',
    // sid's apt keeps back what needs new packages.
    published: { sid: 'held', default: 'together' },
  },
  {
    name: 'apt install linux-image-amd64',
    command: ['apt', 'install', YES, 'linux-image-amd64'],
    missing: 'held',
    published: 'together',
  },
  {
    name: 'apt --no-remove install linux-image-amd64',
    command: ['apt', '--no-remove', 'install', YES, 'linux-image-amd64'],
    missing: 'held',
    published: 'together',
  },
  {
    name: 'apt install -t SUITE linux-image-amd64',
    command: ['apt', 'install', YES, '-t', '@debian', 'linux-image-amd64'],
    missing: 'held',
    published: 'together',
  },
  {
    name: 'apt install linux-image-amd64/SUITE',
    command: ['apt', 'install', YES, 'linux-image-amd64/@debian'],
    missing: 'refused',
    published: 'together',
  },
  {
    name: 'apt install linux-image-amd64=VERSION',
    command: ['apt', 'install', YES, 'linux-image-amd64=@vB'],
    // In sid it needs linux-base-amd64 in the same version, which is pinned.
    missing: { sid: 'declined', default: 'refused' },
    published: 'together',
  },
  {
    name: 'apt install linux-image-B',
    command: ['apt', 'install', YES, 'linux-image-@B'],
    missing: 'refused',
    published: SAME_SOURCE,
  },
  {
    name: 'apt install linux-image-B=VERSION',
    command: ['apt', 'install', YES, 'linux-image-@B=@vB'],
    missing: 'refused',
    published: SAME_SOURCE,
  },
  {
    name: 'apt install linux-image-B/SUITE',
    command: ['apt', 'install', YES, 'linux-image-@B/@debian'],
    missing: 'refused',
    published: SAME_SOURCE,
  },
  {
    name: 'apt --no-remove install linux-image-B',
    command: ['apt', '--no-remove', 'install', YES, 'linux-image-@B'],
    missing: 'refused',
    published: SAME_SOURCE,
  },
  {
    name: 'aptitude install linux-image-B',
    command: ['aptitude', 'install', YES, 'linux-image-@B'],
    missing: 'refused',
    // sid's brings the metapackage of the image's source along.
    published: { sid: 'together', default: 'refused' },
  },
  {
    name: 'aptitude install linux-image-amd64',
    command: ['aptitude', 'install', YES, 'linux-image-amd64'],
    missing: 'held',
    published: 'together',
  },
];

const READY: World = { debian: 'AB', ours: { foo: 'AB' } };

/** The operations while the module for the new kernel is not published, and once it is. */
function inSituation(group: string, world: World, key: 'missing' | 'published'): Cell[] {
  return OPERATIONS.map((operation) => {
    const { name, command, isUpgrade } = operation;
    return {
      group,
      name,
      command,
      isUpgrade,
      world,
      expected: operation[key],
      later: { world: READY },
    };
  });
}

/** Operations that look at everything: where one module more makes a difference. */
const WIDE = ['apt upgrade', 'unattended-upgrade', 'aptitude full-upgrade'];
const NAMED = ['apt install linux-image-amd64', 'apt install linux-image-B'];

/** As `inSituation`, on a machine that wants two modules, one of which is published. */
function withTwo(): Cell[] {
  const names = new Set([...WIDE, ...NAMED]);
  return OPERATIONS.filter(({ name }) => names.has(name)).map(
    ({ name, command, isUpgrade, missing }) => ({
      group: 'two modules, one of them published',
      name,
      command,
      isUpgrade,
      before: async (machine) => {
        await machine.publish({ debian: 'A', ours: { foo: 'A', bar: 'A' }, other: '1.0' });
        await machine.shell('apt-get install -y bar-modules-amd64');
      },
      world: { debian: 'AB', ours: { foo: 'AB', bar: 'A' } },
      expected: missing,
      later: { world: { debian: 'AB', ours: { foo: 'AB', bar: 'AB' } } },
    }),
  );
}

export const operationCells: readonly Cell[] = [
  ...inSituation('the module is missing', { debian: 'AB', ours: { foo: 'A' } }, 'missing'),
  ...inSituation('the module is published', READY, 'published'),
  ...withTwo(),
];
