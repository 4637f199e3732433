import type { Cell } from '../cell.ts';
import type { Machine } from '../machine.ts';
import { releaseOf, STAND_INS } from '../suites.ts';
import { hasStatus } from './checks.ts';

const READY = { debian: 'AB', ours: { foo: 'AB' } };
const MISSING = { debian: 'AB', ours: { foo: 'A' } };

/** Shell that hands the packages of a kernel's release to dpkg. */
export function dpkg(machine: Machine, action: string): string {
  const release = releaseOf(machine.suite, 'B');
  const parts =
    STAND_INS[machine.suite].kernels.B.layout === 'whole' ? 'image' : 'base binary modules image';
  return `dpkg ${action} ${parts
    .split(' ')
    .map((part) => `/srv/pool/*_linux-${part}-${release}_*.deb`)
    .join(' ')}`;
}

/** Kernels that dpkg brings, and runs of it that break off. */
export const dpkgCells: readonly Cell[] = [
  {
    group: 'dpkg',
    name: 'dpkg -i of B, without its module',
    command: (machine) => machine.run(['sh', '-c', dpkg(machine, '-i')]),
    world: MISSING,
    expected: 'let in',
    // There is no boot loader, which would start A.
    check: hasStatus(2),
    later: { world: READY },
  },
  {
    group: 'dpkg',
    name: 'B is unpacked without its module, dpkg breaks off, apt -f install',
    prepare: async (machine) => {
      await machine.shell(dpkg(machine, '--unpack'));
    },
    command: ['apt', 'install', '-f', '-y'],
    world: MISSING,
    expected: 'done',
    check: hasStatus(2),
    later: { world: READY },
  },
  {
    group: 'dpkg',
    name: 'the module of B is unpacked, dpkg breaks off, apt -f install',
    prepare: async (machine) => {
      await machine.shell(
        `dpkg --unpack /srv/pool/*_foo-modules-${releaseOf(machine.suite, 'B')}_*.deb`,
      );
    },
    command: ['apt', 'install', '-f', '-y'],
    world: READY,
    expected: 'together',
    later: { world: READY },
  },
  {
    group: 'dpkg',
    name: 'both are unpacked, dpkg breaks off, dpkg --configure -a',
    prepare: async (machine) => {
      const release = releaseOf(machine.suite, 'B');
      await machine.shell(
        `${dpkg(machine, '--unpack')}; dpkg --unpack /srv/pool/*_foo-modules-${release}_*.deb`,
      );
    },
    command: ['dpkg', '--configure', '-a'],
    world: READY,
    expected: 'done',
    later: { world: READY },
  },
];
