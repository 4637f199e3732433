/**
 * The extracts of all indices against decompressing the same files to /dev/null, in one call; then the extracts again
 * from the cache.
 *
 *     scripts/with-node node bench/catalogue.ts [SUITE...]
 *
 * The indices are fetched once, into out/bench/catalogue.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import PQueue from 'p-queue';
import { ArchiveGroup } from '../src/archive/group.ts';
import type { StoredIndex } from '../src/archive/indices.ts';
import { readMachineApt } from '../src/archive/machine.ts';
import { readExtract } from '../src/kernels/extract.ts';
import type { Near } from '../src/programs/apt.ts';
import { runProgram } from '../src/programs/run.ts';
import { printRatios, ROOT, timed } from './support.ts';

const FOLDER = path.join(ROOT, 'out/bench/catalogue');
const USUAL = [
  ...['bullseye', 'bullseye-security', 'bookworm', 'bookworm-security', 'bookworm-backports'],
  ...['trixie', 'trixie-security', 'trixie-backports', 'forky', 'sid'],
];
const given = process.argv.slice(2);
const suites = given.length > 0 ? given : USUAL;

const machine = await readMachineApt();
const groups: ArchiveGroup[] = [];
for (const suite of suites) {
  const group = await ArchiveGroup.open({
    name: suite,
    root: path.join(FOLDER, 'archives', suite),
    debs: path.join(FOLDER, 'debs'),
    entries: [{ suites: [suite], components: ['main', 'contrib'], checkValidUntil: false }],
    base: [],
    architectures: 'all',
    machine,
    emit: () => undefined,
  });
  if ((await group.statuses()).length === 0) {
    process.stderr.write(`fetching ${suite}\n`);
    await group.refresh();
  }
  groups.push(group);
}

const cache = path.join(FOLDER, 'extracts');
await fs.rm(cache, { recursive: true, force: true });
const listed = (
  await Promise.all(
    groups.map(async (group) => (await group.indices()).map((index) => ({ group, index }))),
  )
).flat();

async function extractAll(): Promise<number> {
  const queue = new PQueue({ concurrency: 2 });
  const counts = await queue.addAll(
    listed.map(({ group, index }) => async () => {
      const bytes = (near?: Near): AsyncIterable<Uint8Array> => group.readIndex(index, near);
      return (await readExtract(index, { cache, names: new Set(['mimic']), bytes })).length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function decompress({ file }: StoredIndex): Promise<void> {
  const program = file.endsWith('.lz4') ? 'lz4' : 'xz';
  await runProgram('sh', ['-c', `exec ${program} -dc "$1" > /dev/null`, 'sh', file]);
}

async function decompressAll(): Promise<void> {
  for (const { index } of listed) {
    await decompress(index);
  }
}

/** Largest resident memory of this process so far, in MB; children are a decompressor each. */
const peak = (): number => process.resourceUsage().maxRSS / 1024;

await decompressAll();
const cold = await timed(extractAll);
const memory = peak();
const reference = await timed(decompressAll);
const asked = await timed(async () => {
  for (const group of groups) {
    await group.indices();
    await group.statuses();
  }
});
const warm = await timed(extractAll);
process.stdout.write(
  `${listed.length} indices, ${cold.result} packages; peak memory ${memory.toFixed(0)} MB; listing all indices ${asked.seconds.toFixed(3)} s\n`,
);
printRatios('Catalogue', `${listed.length} indices decompressed one after another`, [
  { name: 'extracts, cold', ours: cold.seconds, reference: reference.seconds, unit: 's' },
  { name: 'extracts, cached', ours: warm.seconds, reference: reference.seconds, unit: 's' },
]);
