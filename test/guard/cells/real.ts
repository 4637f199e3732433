import type { Cell } from '../cell.ts';
import type { World } from '../world.ts';

const READY: World = { debian: '', ours: { foo: 'AB' } };

function real(name: string, command: readonly string[], expected: Cell['expected']): Cell {
  return {
    group: "Debian's own kernels: A is the suite's, B is ahead in its security suite",
    name,
    suites: ['trixie'],
    start: 'real',
    command,
    world: { debian: '', ours: { foo: 'A' } },
    expected,
    later: { world: READY },
  };
}

export const realCells: readonly Cell[] = [
  real('apt upgrade', ['apt', 'upgrade', '-y'], 'held'),
  real('apt full-upgrade', ['apt', 'full-upgrade', '-y'], 'held'),
  real('unattended-upgrade', ['unattended-upgrade', '-v'], 'held'),
  real('aptitude full-upgrade', ['aptitude', 'full-upgrade', '-y'], 'held'),
  real('apt install linux-image-amd64', ['apt', 'install', '-y', 'linux-image-amd64'], 'held'),
  real('apt install linux-image-B', ['apt', 'install', '-y', 'linux-image-@B'], 'refused'),
  {
    ...real('the module is published, apt upgrade', ['apt', 'upgrade', '-y'], 'together'),
    world: READY,
  },
];
