import { compareText } from '../../../src/core/compare.ts';
import type { Cell } from '../cell.ts';
import type { Machine } from '../machine.ts';
import { words } from '../words.ts';

const WORLD = { debian: 'AB', ours: {} };

/** What differs from call to call, or by the guard's own files that dpkg counts. */
function steady(text: string): string {
  return (
    text
      .replaceAll(/Reading database \.\.\. \d+ files/g, 'Reading database ... N files')
      .replaceAll(/Space needed: .*/g, 'Space needed')
      .replaceAll(/\d{4}-\d\d-\d\d +\d\d:\d\d:\d\d(?:,\d+)?/g, 'TIME')
      // Of apt's own user, who can't enter a folder of the test's.
      .replaceAll(/.*unsandboxed.*\n(?: {2}\S.*\n)?/g, '')
      .replaceAll(/in \d+s \(.*\)/g, 'in Ns')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .join('\n')
  );
}

/** Everything of a machine with its content's hash, but for logs, caches, and the guard's own package. */
async function contents(machine: Machine): Promise<string[]> {
  const text =
    await machine.shell(`find /etc /boot /usr /var/lib /lib/modules -xdev \\( -name '*lockstep*' -o -path /etc/lockstep \\
  -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/aptitude -o -name __pycache__ \\) -prune \\
  -o \\( -type f -o -type l \\) -printf '%p %m %s %l\\n' | LC_ALL=C sort
find /etc /boot -xdev \\( -name '*lockstep*' -o -path /etc/lockstep \\) -prune -o -type f -print0 | xargs -0 sha256sum
dpkg-query -W -f '\${Package} \${Version} \${Status}\\n' | grep -v ^lockstep-guard
apt-mark showmanual | grep -v ^lockstep-guard`);
  return text.split('\n');
}

/** A machine with the guard and one without it do the same. */
function same(
  name: string,
  command: readonly string[],
  rest: Pick<Cell, 'expected' | 'isUpgrade' | 'removes'>,
): Cell {
  return {
    group: 'no module is wanted: byte for byte as without the guard',
    name,
    start: 'plain',
    before: async (machine) => {
      await machine.publish({ debian: 'A', ours: {}, other: '1.0' });
      await machine.shell('apt-get install -y lockstep-guard');
    },
    world: WORLD,
    command,
    ...rest,
    check: async (machine, output) => {
      await using bare = await machine.another('plain');
      await bare.publish({ debian: 'A', ours: {}, other: '1.0' });
      await bare.publish(WORLD);
      const { stdout, stderr } = await bare.run(words(command, machine.suite));
      const said = [output, `${stdout}${stderr}`].map((text) => inOrder(command, steady(text)));
      const [ours = '', theirs = ''] = said;
      const problems = ours === theirs ? [] : [`it says other things: ${difference(ours, theirs)}`];
      const [mine, others] = [await contents(machine), await contents(bare)];
      const [own, bares] = [new Set(mine), new Set(others)];
      return [
        ...problems,
        ...mine.filter((line) => !bares.has(line)).map((line) => `only with the guard: ${line}`),
        ...others.filter((line) => !own.has(line)).map((line) => `only without the guard: ${line}`),
      ].slice(0, 8);
    },
  };
}

/**
 * unattended-upgrade goes through packages in the order of Python's sets, which is another one in every run, and says
 * something once more or less, as it comes to it.
 */
function inOrder([program]: readonly string[], text: string): string {
  return program === 'unattended-upgrade'
    ? [...new Set(text.split('\n'))].toSorted(compareText).join('\n')
    : text;
}

/** The first line that only one of two texts has. */
function difference(mine: string, theirs: string): string {
  const [ours, others] = [mine.split('\n'), theirs.split('\n')];
  const more = ours.find((line) => !others.includes(line));
  const less = others.find((line) => !ours.includes(line));
  return (
    more ?? (less === undefined ? 'lines in another order' : `${less}, only without the guard`)
  );
}

export const nobodyCells: readonly Cell[] = [
  same('apt upgrade', ['apt', 'upgrade', '-y'], { isUpgrade: true, expected: 'not concerned' }),
  same('apt full-upgrade', ['apt', 'full-upgrade', '-y'], {
    isUpgrade: true,
    expected: 'not concerned',
  }),
  same('apt-get dist-upgrade', ['apt-get', 'dist-upgrade', '-y'], {
    isUpgrade: true,
    expected: 'not concerned',
  }),
  same('apt install linux-image-B', ['apt', 'install', '-y', 'linux-image-@B'], {
    expected: 'not concerned',
  }),
  same('unattended-upgrade', ['unattended-upgrade', '-v'], {
    isUpgrade: true,
    expected: 'not concerned',
  }),
  same('aptitude full-upgrade', ['aptitude', 'full-upgrade', '-y'], {
    isUpgrade: true,
    expected: 'not concerned',
  }),
  same('apt purge of the only kernel', ['apt', 'purge', '-y', 'linux-image-@A'], {
    // B comes for the metapackage.
    expected: 'not concerned',
  }),
];
