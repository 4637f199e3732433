import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { formatStanza } from '../../debian/control.ts';
import { withGpg } from '../../programs/gpg.ts';

/** A signing key with its public half as a keyring for apt. */
export interface TestKey {
  home: string;
  fingerprint: string;
  keyring: string;
}

export async function makeKey(folder: string): Promise<TestKey> {
  const home = path.join(folder, 'home');
  await fs.mkdir(home, { recursive: true, mode: 0o700 });
  return withGpg(home, async (gpg) => {
    await gpg.generateKey('Test Archive');
    const fingerprint = (await gpg.secretKeys())[0]?.fingerprint ?? '';
    const keyring = path.join(folder, 'archive.asc');
    await fs.writeFile(keyring, await gpg.exportKey(fingerprint));
    return { home, fingerprint, keyring };
  });
}

export interface TestPackage {
  name: string;
  version: string;
  depends?: string;
}

function makeDeb(repository: string, { name, version, depends }: TestPackage): void {
  const tree = path.join(repository, 'trees', `${name}-${version.replaceAll(':', '_')}`);
  mkdirSync(path.join(tree, 'DEBIAN'), { recursive: true });
  chmodSync(path.join(tree, 'DEBIAN'), 0o755);
  writeFileSync(
    path.join(tree, 'DEBIAN/control'),
    formatStanza([
      ['Package', name],
      ['Version', version],
      ['Architecture', 'amd64'],
      ['Maintainer', 'A <a@example.org>'],
      ['Depends', depends],
      ['Description', 'test'],
    ]),
  );
  const file = path.join(repository, 'pool', `${name}_${version.replace(':', '%3a')}_amd64.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, file]);
}

export interface TestSuite {
  suite: string;
  packages: readonly TestPackage[];
  /** What the Release file lists; `amd64`, the only one that has an index, unless given. */
  architectures?: readonly string[];
  /** Fields of the Release file beside those that apt-ftparchive writes. */
  release?: Readonly<Record<string, string>>;
  /** Does not sign when undefined. */
  key: TestKey | undefined;
}

/** Makes a repository of one suite; apt-ftparchive writes its indices. @returns the folder of the suite */
export async function makeRepository(repository: string, options: TestSuite): Promise<string> {
  mkdirSync(path.join(repository, 'pool'), { recursive: true });
  for (const entry of options.packages) {
    makeDeb(repository, entry);
  }
  const dists = path.join(repository, 'dists', options.suite);
  const binary = path.join(dists, 'main/binary-amd64');
  mkdirSync(binary, { recursive: true });
  const index = execFileSync('apt-ftparchive', ['packages', 'pool'], { cwd: repository });
  writeFileSync(path.join(binary, 'Packages'), index);
  writeFileSync(path.join(binary, 'Packages.gz'), gzipSync(index));
  const fields = { Codename: options.suite, Suite: options.suite };
  const architectures = options.architectures?.join(' ') ?? 'amd64';
  const settings = { Components: 'main', Architectures: architectures, ...fields };
  const written = execFileSync(
    'apt-ftparchive',
    [
      ...Object.entries(settings).flatMap(([name, value]) => [
        '-o',
        `APT::FTPArchive::Release::${name}=${value}`,
      ]),
      'release',
      dists,
    ],
    { encoding: 'utf8' },
  );
  const more = Object.entries(options.release ?? {}).map(([name, value]) => `${name}: ${value}\n`);
  const release = more.join('') + written;
  const { key } = options;
  if (key === undefined) {
    writeFileSync(path.join(dists, 'Release'), release);
  } else {
    const signed = await withGpg(key.home, (gpg) => gpg.clearsign(key.fingerprint, release));
    writeFileSync(path.join(dists, 'InRelease'), signed);
  }
  return dists;
}

/** A server of a folder's files on a port of its own; `requests` says what was asked for. */
export async function serveFolder(
  folder: string,
): Promise<{ server: Server; address: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url ?? '/');
    requests.push(name);
    try {
      response.end(readFileSync(path.join(folder, name)));
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  const port = at !== null && typeof at === 'object' ? at.port : 0;
  return { server, address: `http://127.0.0.1:${port}`, requests };
}
