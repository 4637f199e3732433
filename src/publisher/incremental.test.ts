import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeScratch } from './testing/scratch.ts';
import { writeSmallDeb } from './testing/small-debs.ts';

const PACKAGES = 3000;
/** The most files of the pool that a publication looks at beside those that it changes. */
const SAMPLE = 2000;

let root: string;
let debs: string[];

beforeAll(async () => {
  root = await makeScratch('lockstep-incremental-');
  await fs.mkdir(path.join(root, 'debs'));
  debs = Array.from({ length: PACKAGES + 1 }, (_, at) => {
    const architecture = ['amd64', 'arm64', 'armhf'][at % 3] ?? '';
    return writeSmallDeb(path.join(root, 'debs'), { name: `package-${at}`, architecture });
  });
});

afterAll(async () => {
  await fs.rm(root, { recursive: true, force: true });
});

/** Publishes into `name`, in a process of its own. @returns its steps, and the system calls that name a file */
async function publishList(
  name: string,
  list: readonly string[],
): Promise<{ steps: string[]; calls: string[] }> {
  const input = path.join(root, 'list');
  const trace = path.join(root, 'trace');
  await fs.writeFile(input, list.join('\n'));
  const child = path.join(import.meta.dirname, 'testing/incremental-child.ts');
  const places = [path.join(root, name), path.join(root, `${name}.state`), input];
  const output = execFileSync(
    'strace',
    [
      ...['-f', '-qq', '-s', '4096', '-e', 'trace=%file', '-o', trace],
      ...[process.execPath, child, ...places],
    ],
    { encoding: 'utf8', maxBuffer: 1024 ** 3, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const calls = (await fs.readFile(trace, 'utf8')).split('\n');
  return { steps: output.split('\n').filter((line) => line !== ''), calls };
}

test('one package more costs no work on the others', async () => {
  await publishList('big', debs.slice(0, PACKAGES));
  const dists = path.join(root, 'big/dists/trixie/main');
  const before = await fs.readdir(dists, { recursive: true });
  const { steps, calls } = await publishList('big', debs);

  // Of the pool one file comes; of the indices those of its architecture.
  const file = `package-${PACKAGES}_1-1_amd64.deb`;
  const placed = steps.filter((step) => step.includes('/pool/') && !step.startsWith('sync-'));
  expect(placed.map((step) => step.replace(/ .*\//, ' ').replace(/-[0-9a-f]{12}$/, ''))).toEqual([
    `link .tmp-${file}`,
    `sync .tmp-${file}`,
    `rename ${file}`,
  ]);
  const renamed = steps
    .filter((step) => step.startsWith('rename ') && step.includes('/dists/'))
    .map((step) => path.relative(path.join(root, 'big/dists/trixie'), step.slice(7)));
  expect(renamed.filter((name) => !name.includes('/by-hash/'))).toEqual([
    '.generations.json',
    'main/Contents-amd64.gz',
    'main/binary-amd64/Packages.gz',
    'main/binary-amd64/Packages.xz',
    'Release',
    'InRelease',
  ]);
  expect(renamed.filter((name) => name.includes('/by-hash/'))).toHaveLength(3);
  expect(steps.length).toBeLessThan(70);
  expect((await fs.readdir(dists, { recursive: true })).length).toBe(before.length + 3);

  // No other package is opened, and no index is read but what the new ones are made of.
  const opened = calls.filter((call) => /\bopen(?:at)?\(/.test(call) && call.includes('.deb"'));
  expect(opened.filter((call) => !call.includes(file))).toEqual([]);
  expect(opened.length).toBeGreaterThan(0);
  const looked = calls.filter((call) => /stat/.test(call) && call.includes('.deb"'));
  expect(looked.length).toBeGreaterThan(SAMPLE);
  expect(looked.length).toBeLessThan(SAMPLE + 30);
  const indices = calls.filter(
    (call) => /\bopen(?:at)?\(.*\/dists\/.*O_RDONLY/.test(call) && !call.includes('O_DIRECTORY'),
  );
  expect(indices.filter((call) => /arm64|armhf/.test(call))).toEqual([]);

  // Unchanged: nothing but the sample is looked at.
  const again = await publishList('big', debs);
  expect(again.steps).toEqual([]);
  expect(again.calls.filter((call) => call.includes('.deb"')).length).toBeLessThan(SAMPLE + 30);
});

test('the bytes of what is published say nothing of the way there', async () => {
  for (const list of [
    debs.slice(0, 100),
    debs.slice(50, 1300),
    debs.slice(20, 800),
    debs.slice(10, 900),
  ]) {
    await publishList('changed', list);
  }
  await publishList('once', debs.slice(10, 900));
  const [changed, once] = ['changed', 'once'].map((name) => path.join(root, name, 'dists/trixie'));
  const read = (folder = '', name: string): Promise<Buffer> => fs.readFile(path.join(folder, name));
  for (const architecture of ['amd64', 'arm64', 'armhf']) {
    for (const name of ['binary-X/Packages.gz', 'binary-X/Packages.xz', 'Contents-X.gz']) {
      const file = `main/${name.replace('X', architecture)}`;
      expect((await read(changed, file)).equals(await read(once, file))).toBe(true);
    }
  }
  expect(await read(changed, 'Release')).toEqual(await read(once, 'Release'));
  const contents = gunzipSync(await read(once, 'main/Contents-amd64.gz')).toString();
  expect(contents.split('\n').length).toBe(Math.ceil((900 - 12) / 3) + 1);
  expect(contents).toMatch(/^usr\/lib\/package-897\/1-1 +kernel\/package-897$/m);
});
