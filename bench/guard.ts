/**
 * What the guard costs: an apt run on a machine that wants no module, with the guard installed and without it; and one
 * refresh on a machine that wants one, with all of Debian's lists, against one reading of these lists by apt.
 *
 *     scripts/with-node node bench/guard.ts
 */
import { usualSuites } from '../test/support/mirror.ts';
import type { ClientRoot } from '../test/support/client-root.ts';
import { releaseOf } from '../test/guard/suites.ts';
import { Stage } from '../test/guard/stage.ts';
import { printRatios } from './support.ts';

const RUNS = 30;
const WORLD = { debian: 'A', ours: { foo: 'A' } };

/** Milliseconds of the middle one of some runs of a command, by the root's own clock. */
async function middle(
  root: ClientRoot,
  command: string,
  runs: number,
  before = ':',
): Promise<number> {
  const text = await root.must(
    [
      'sh',
      '-c',
      `
for run in $(seq ${runs}); do
  ${before}
  began=$(date +%s%N)
  ${command} >/dev/null 2>&1
  ended=$(date +%s%N)
  echo $(((ended - began) / 1000))
done`,
    ],
    { timeout: 900 },
  );
  const times = text
    .trim()
    .split('\n')
    .map(Number)
    .toSorted((a, b) => a - b);
  return (times[Math.floor(times.length / 2)] ?? 0) / 1000;
}

const stage = new Stage('trixie');

/** An apt run that reaches dpkg, so that all hooks of apt are called, and comes back to where it began. */
const INSTALL = 'apt-get install -y --reinstall other';

await using bare = await stage.machine('plain');
await bare.publish(WORLD);
await using idle = await stage.machine('plain');
await idle.publish(WORLD);
await idle.shell('apt-get install -y lockstep-guard');
const apt: Record<'ours' | 'reference', number[]> = { ours: [], reference: [] };
for (let round = 0; round < 3; round += 1) {
  apt.reference.push(await middle(bare.root, INSTALL, RUNS / 3));
  apt.ours.push(await middle(idle.root, INSTALL, RUNS / 3));
}
const least = (all: readonly number[]): number => Math.min(...all);

await using busy = await stage.machine('real');
await busy.publish({ debian: '', ours: { foo: 'A' } });
const refresh = 'lockstep-guard refresh';
const warm = await middle(busy.root, refresh, 10);
const cold = await middle(busy.root, refresh, 5, 'rm -f /var/lib/lockstep-guard/archive');
const coldest = await middle(
  busy.root,
  refresh,
  5,
  'rm -f /var/lib/lockstep-guard/archive /var/cache/apt/*.bin',
);
const SHOW = 'apt-cache show linux-image-amd64';
const show = await middle(busy.root, SHOW, 10);
const showCold = await middle(busy.root, SHOW, 5, 'rm -f /var/cache/apt/*.bin');

printRatios('A machine that wants no module', 'the same machine without the guard', [
  { name: INSTALL, ours: least(apt.ours), reference: least(apt.reference), unit: 'ms' },
]);
printRatios(
  `One module wanted, ${releaseOf('trixie', 'A')}, lists of ${usualSuites('trixie').join(', ')}`,
  SHOW,
  [
    { name: 'refresh, nothing has changed', ours: warm, reference: show, unit: 'ms' },
    { name: 'refresh, new lists', ours: cold, reference: show, unit: 'ms' },
    {
      name: "refresh, new lists and apt's cache is gone",
      ours: coldest,
      reference: showCold,
      unit: 'ms',
    },
  ],
);
