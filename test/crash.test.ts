import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseStanza } from '../src/debian/control.ts';
import { sha256File } from '../src/core/hash.ts';
import { runProgram } from '../src/programs/run.ts';
import { linkCache } from './support/build-roots.ts';
import { hostilePackage } from './support/hostile-package.ts';
import { publishedIndex } from './support/published-index.ts';
import { resultOf, type Scratch, scratch } from './support/program.ts';
import { type SmallArchive, smallArchive } from './support/small-archive.ts';
import { type SteerableMirror, steerableMirror } from './support/steerable-mirror.ts';
import { writeConfig } from './support/test-config.ts';
import { sampled, slow } from './support/tier.ts';
import { fingerprint, leftoversOf, mountsOf, processesOf } from './support/traces.ts';

let mirror: SteerableMirror;
let box: Scratch;
let archive: SmallArchive;
let seed: string | undefined;
/** Every `.deb` and unsigned index that a run publishes, by its path. */
let expected: Map<string, string>;
/** What a run finds in its state folder: packages that were fetched, or also what was unpacked of them. */
type Start = 'fetched' | 'unpacked';
/** Milliseconds that a run takes from there. */
const whole: Record<Start, number> = { fetched: 0, unpacked: 0 };

beforeAll(async () => {
  mirror = await steerableMirror();
  box = await scratch('crash');
  const hang = await hostilePackage(box.path, 'hang', {
    make: '(setsid sleep 1000 &); sleep 1000',
  });
  archive = await smallArchive(mirror, box.path, [hang]);
  for (const start of ['fetched', 'unpacked'] as const) {
    const folder = await home(start, start);
    const began = Date.now();
    await run(folder);
    whole[start] = Date.now() - began;
    seed = path.join(folder, 'state');
    expected = await contentOf(path.join(folder, 'repository'));
  }
}, 600_000);

afterAll(async () => {
  await mirror[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

/** A folder with a configuration, and a state folder that has nothing but the signing key and what was fetched before. */
async function home(
  name: string,
  start: Start = 'unpacked',
  modules: readonly string[] = ['acpi-call-dkms'],
): Promise<string> {
  const folder = path.join(box.path, name);
  await writeConfig(folder, {
    archive: { mirror: mirror.url, keyring: archive.keyring },
    modules,
  });
  if (seed !== undefined) {
    const state = path.join(folder, 'state');
    await linkCache(seed, state, start === 'fetched' ? ['debs'] : undefined);
    await runProgram('cp', ['-a', path.join(seed, 'keys'), state]);
  }
  return folder;
}

function commandOf(folder: string): string[] {
  return ['run', '-c', path.join(folder, 'lockstep.yaml'), '--json'];
}

async function run(folder: string): Promise<void> {
  const end = await box.run(commandOf(folder));
  expect(end, end.stderr).toMatchObject({ exitCode: 0 });
  const verdicts = resultOf(end).targets.map((target) => target.verdict);
  expect(verdicts).toEqual(['published']);
}

/** What a repository is made of but for signatures and dates. */
async function contentOf(repository: string): Promise<Map<string, string>> {
  const all = await fingerprint(repository);
  const content = [...all].filter(([name]) =>
    /\.deb$|\/(?:Packages|Contents-\w+)\.\w+$|\.(?:asc|sources)$/.test(name),
  );
  return new Map(content.map(([name, value]) => [name, value.replace(/ [\d.]+$/, '')]));
}

/** apt takes the repository, and every file that it names is there with the right hash. */
async function expectWhole(folder: string): Promise<void> {
  const repository = path.join(folder, 'repository');
  const inRelease = path.join(repository, 'dists/trixie/InRelease');
  if ((await fs.stat(inRelease).catch(() => undefined)) === undefined) {
    return;
  }
  const root = path.join(folder, 'client');
  await fs.mkdir(path.join(root, 'lists/partial'), { recursive: true });
  const source = (await runProgram('sh', ['-c', 'cat "$0"/*.asc', repository])).stdout;
  await fs.writeFile(path.join(root, 'key.asc'), source);
  await fs.writeFile(
    path.join(root, 'sources.list'),
    `deb [signed-by=${root}/key.asc] file:${repository} trixie main\n`,
  );
  const options = [
    `Dir::Etc::sourcelist=${root}/sources.list`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::lists=${root}/lists`,
    `Dir::Cache=${root}`,
    'APT::Sandbox::User=root',
    'APT::Update::Error-Mode=any',
  ].flatMap((option) => ['-o', option]);
  const update = await runProgram('apt-get', ['update', '-q', ...options], { allowFailure: true });
  expect(update, update.stderr).toMatchObject({ exitCode: 0, stderr: '' });
  const index = await publishedIndex(repository, 'trixie', 'main/binary-amd64/Packages');
  const stanzas = index.trim().split('\n\n');
  for (const stanza of stanzas.filter((text) => text !== '')) {
    const fields = parseStanza(stanza);
    const file = path.join(repository, fields.get('Filename') ?? '');
    expect(await sha256File(file)).toBe(fields.get('SHA256'));
  }
}

/** Files with names that only a writer at work uses. */
async function temporaryFiles(folder: string): Promise<string[]> {
  const names = await fs.readdir(folder, { recursive: true });
  return names.filter((name) => /(?:^|\/)\.tmp-|\.partial|\.building$/.test(name));
}

async function sleep(milliseconds: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Points in time, as fractions of a whole run. */
function points(start: Start, count: number): [Start, number][] {
  return Array.from({ length: count }, (_, index) => [start, (index + 0.5) / count]);
}

describe('a run that is killed', () => {
  test.each([...points('fetched', slow ? 20 : 1), ...points('unpacked', slow ? 40 : 3)])(
    '(%s before) after %f of its time leaves a whole repository; the next run ends as if nothing had been',
    async (start, fraction) => {
      const folder = await home(`killed-${start}-${fraction}`, start);
      const running = box.start(commandOf(folder));
      await Promise.race([sleep(fraction * whole[start]), running.end]);
      running.kill('SIGKILL', 'program');
      await running.end;
      expect(await leftoversOf(folder)).toEqual([]);
      expect(await leftoversOf(box.tmp)).toEqual([]);
      expect(await mountsOf(folder)).toEqual([]);
      await expectWhole(folder);
      await run(folder);
      await expectWhole(folder);
      expect([...expected.keys()].filter((name) => name.endsWith('.deb')).length).toBe(5);
      expect(await contentOf(path.join(folder, 'repository'))).toEqual(expected);
      expect(await temporaryFiles(folder)).toEqual([]);
      expect(await leftoversOf(box.tmp)).toEqual([]);
      await fs.rm(folder, { recursive: true });
    },
  );
});

describe('a run that is killed while apt waits for its mirror', () => {
  test('takes apt with it, and the next run reads the archive', async () => {
    const folder = await home('waiting');
    mirror.steer(/\/InRelease$/, { kind: 'hang' });
    const asked = mirror.requests.length;
    const running = box.start(commandOf(folder));
    while (mirror.requests.length === asked) {
      await sleep(20);
    }
    running.kill('SIGKILL', 'program');
    await running.end;
    mirror.calm();
    expect(await leftoversOf(box.tmp)).toEqual([]);
    await run(folder);
    await fs.rm(folder, { recursive: true });
  });
});

describe('a run that ends while a build hangs', () => {
  test.each(sampled(['SIGKILL', 'SIGINT', 'SIGTERM'] as const, 2))(
    'by %s takes the build with it',
    async (signal) => {
      const folder = await home(`hanging-${signal}`, 'unpacked', ['hang-dkms']);
      const running = box.start(commandOf(folder));
      const sleepers = async (): Promise<number> =>
        (await processesOf(folder)).filter((line) => line.includes('sleep 1000')).length;
      while ((await sleepers()) < 2) {
        await sleep(50);
      }
      running.kill(signal, 'program');
      const end = await running.end;
      expect(end.exitCode).toBe(signal === 'SIGKILL' ? undefined : 130);
      expect(await leftoversOf(folder)).toEqual([]);
      expect(await mountsOf(folder)).toEqual([]);
      await fs.rm(folder, { recursive: true });
    },
  );
});

describe('Ctrl-C', () => {
  test.each(sampled(['group', 'program'] as const, 1))(
    'sent to the %s ends a run in good order',
    async (whom) => {
      const folder = await home(`interrupted-${whom}`);
      const running = box.start(commandOf(folder));
      const building = async (): Promise<boolean> => {
        const work = await fs.readdir(path.join(folder, 'state/work')).catch((): string[] => []);
        return work.some((name) => name.endsWith('.building'));
      };
      while (!(await building())) {
        await sleep(20);
      }
      running.kill('SIGINT', whom);
      const end = await running.end;
      expect(end, end.stderr).toMatchObject({ exitCode: 130 });
      expect(end.stderr).toMatch(
        /^lockstep: INTERRUPTED: interrupted; what was finished is kept$/m,
      );
      expect(end.stderr).toMatch(/^ {2}hint: run again to go on$/m);
      expect(end.stderr).not.toMatch(/^\s+at |BUG/m);
      expect(await leftoversOf(folder)).toEqual([]);
      expect(await fs.readdir(box.tmp)).toEqual([]);
      expect(await temporaryFiles(folder)).toEqual([]);
      await expectWhole(folder);
      await run(folder);
      expect(await contentOf(path.join(folder, 'repository'))).toEqual(expected);
      await fs.rm(folder, { recursive: true });
    },
  );
});
