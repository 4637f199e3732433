import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseStanza } from '../src/debian/control.ts';
import { runProgram } from '../src/programs/run.ts';
import { clientRoot } from './support/client-root.ts';
import { type Quickstart, quickstart, serve } from './support/quickstart.ts';
import { publishedIndex } from './support/published-index.ts';

const MINUTES = 60_000;

let published: Quickstart;
let scratch: string;

beforeAll(async () => {
  scratch = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-acceptance-'));
  published = await quickstart();
}, 15 * MINUTES);

afterAll(async () => {
  await fs.rm(scratch, { recursive: true });
});

async function debs(): Promise<string[]> {
  const names = await fs.readdir(path.join(published.repository, 'pool'), { recursive: true });
  return names.filter((name) => name.endsWith('.deb')).toSorted();
}

describe('the repository of the quickstart', () => {
  test.each(['bookworm', 'trixie', 'sid'])(
    '%s: apt accepts it without a warning',
    async (codename) => {
      await using served = await serve(published.repository);
      await using root = await clientRoot(codename);
      await root.writeFile(
        '/etc/apt/sources.list.d/example-modules.sources',
        await served.sources('trixie'),
      );
      const options = codename === 'sid' ? ['-o', 'Acquire::Check-Valid-Until=false'] : [];
      const update = await root.run(['apt-get', 'update', ...options]);
      expect(update).toMatchObject({ exitCode: 0, stderr: '' });
      expect(update.stdout).not.toMatch(/^(?:W|E|N|Err|Ign):/m);
      const policy = await root.must(['apt-cache', 'policy', 'v4l2loopback-modules-amd64']);
      expect(policy).toMatch(/Candidate: 0\.\d/);
      const fetched = await root.run(['apt-get', 'download', '-q', 'v4l2loopback-modules-amd64'], {
        cwd: '/tmp',
      });
      expect(fetched).toMatchObject({ exitCode: 0, stderr: '' });
    },
    15 * MINUTES,
  );

  test('apt-ftparchive reads the pool as the index says', async () => {
    const { stdout } = await runProgram('apt-ftparchive', ['packages', 'pool'], {
      cwd: published.repository,
    });
    const { repository } = published;
    const ours = await publishedIndex(repository, 'trixie', 'main/binary-amd64/Packages');
    const read = (text: string): Map<string, Record<string, string>> =>
      new Map(
        text
          .trim()
          .split('\n\n')
          .map((paragraph) => {
            const fields = Object.fromEntries(parseStanza(paragraph));
            for (const name of ['MD5sum', 'SHA1', 'SHA512']) {
              delete fields[name];
            }
            return [fields['Filename'] ?? '', fields];
          }),
      );
    expect(read(ours)).toEqual(read(stdout));
    expect(read(ours).size).toBe((await debs()).length);
  });

  test(
    'lintian has nothing above info on any package',
    async () => {
      const files = (await debs()).map((name) => path.join(published.repository, 'pool', name));
      const result = await runProgram(
        'lintian',
        ['--fail-on', 'error,warning', '--info', '--tag-display-limit', '0', ...files],
        { allowFailure: true, cwd: scratch },
      );
      expect(result.stdout.split('\n').filter((line) => /^[EW]:/.test(line))).toEqual([]);
      expect(result.exitCode, result.stdout + result.stderr).toBe(0);
    },
    5 * MINUTES,
  );
});

describe('two runs in different folders', () => {
  test(
    'give the same bytes: every .ko and every .deb but that of their keys',
    async () => {
      const other = await quickstart('somewhere/else with spaces');
      const sums = async (directory: string, pattern: string): Promise<string> => {
        const script = `find . -name '${pattern}' ! -name '*-archive-keyring_*' -type f | LC_ALL=C sort | tr '\\n' '\\0' | xargs -0 sha256sum`;
        return (await runProgram('sh', ['-c', script], { cwd: directory })).stdout;
      };
      const packages = await sums(published.repository, '*.deb');
      expect(packages.split('\n').length).toBeGreaterThan(10);
      expect(await sums(other.repository, '*.deb')).toBe(packages);
      const modules = await sums(path.join(published.state, 'ledger/builds'), '*.ko');
      expect(modules.split('\n').length).toBeGreaterThan(5);
      expect(await sums(path.join(other.state, 'ledger/builds'), '*.ko')).toBe(modules);
    },
    15 * MINUTES,
  );
});
