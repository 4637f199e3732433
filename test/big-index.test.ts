import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureSigningKey } from '../src/publisher/key.ts';
import { publish } from '../src/publisher/publish.ts';
import { type RepositoryServer, serveRepository } from '../src/publisher/serve.ts';
import { writeSmallDeb } from '../src/publisher/testing/small-debs.ts';
import { clientRoot } from './support/client-root.ts';
import { slow } from './support/tier.ts';

const MINUTES = 60_000;
/** Enough for a dozen blocks of each index. */
const PACKAGES = 1000;

let folder: string;
let server: RepositoryServer;

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-big-'));
  const directory = path.join(folder, 'repository');
  await fs.mkdir(directory);
  await fs.mkdir(path.join(folder, 'debs'));
  server = await serveRepository(directory, { port: 0 });
  const debs = Array.from({ length: PACKAGES }, (_, at) =>
    writeSmallDeb(path.join(folder, 'debs'), { name: `small-${at}`, architecture: 'amd64' }),
  );
  const stateDirectory = path.join(folder, 'state');
  const options = {
    ...{ directory, stateDirectory, origin: 'Big', url: server.url },
    key: await ensureSigningKey(stateDirectory, 'Big'),
  };
  const suite = { suite: 'big', codename: 'big', component: 'main', architectures: ['amd64'] };
  for (const count of [PACKAGES - 1, PACKAGES]) {
    await publish({ ...options, date: new Date() }, [{ ...suite, debs: debs.slice(0, count) }]);
  }
});

afterAll(async () => {
  await server.close();
  await fs.rm(folder, { recursive: true, force: true });
});

describe.runIf(slow)('indices of many blocks', () => {
  test.each(['bookworm', 'trixie', 'sid'])(
    'are read to their end by apt and apt-file of %s',
    async (release) => {
      await using root = await clientRoot(release);
      await root.must(['apt-get', 'install', '-y', '--no-install-recommends', 'apt-file']);
      await root.must(['sh', '-c', 'rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*']);
      const sources = await fs.readFile(path.join(folder, 'repository/big.sources'), 'utf8');
      await root.writeFile('/etc/apt/sources.list.d/big.sources', sources);
      for (const form of ['xz', 'gz']) {
        await root.must(['sh', '-c', 'rm -rf /var/lib/apt/lists/*']);
        await root.writeFile(
          '/etc/apt/apt.conf.d/99form',
          `Acquire::CompressionTypes::Order { "${form}"; };\n`,
        );
        const update = await root.run(['apt-get', 'update']);
        expect(update).toMatchObject({ exitCode: 0, stderr: '' });
        const names = (await root.must(['apt-cache', 'pkgnames', 'small-'])).trim().split('\n');
        expect(names.length).toBe(PACKAGES);
      }
      const found = await root.must(['apt-file', 'list', '--regexp', '^small-']);
      expect(found.trim().split('\n').length).toBe(PACKAGES);
      const search = await root.must(['apt-file', 'search', 'usr/lib/small-999/']);
      expect(search).toBe('small-999: /usr/lib/small-999/1-1\n');
      const contents = await fs.readFile(
        path.join(folder, 'repository/dists/big/main/Contents-amd64.gz'),
      );
      // More than one member: the header of gzip (RFC 1952) is there again.
      expect(contents.indexOf(contents.subarray(0, 10), 10)).toBeGreaterThan(0);
      expect(gunzipSync(contents).toString().trim().split('\n').length).toBe(PACKAGES);
    },
    15 * MINUTES,
  );
});
