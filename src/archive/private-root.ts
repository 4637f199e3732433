import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { writeFileAtomic } from '../core/files.ts';
import { formatStanza } from '../debian/control.ts';
import { APT_SCRATCH } from '../programs/apt.ts';

/** A group of suites read from one mirror with one keyring. */
export interface ArchiveSource {
  mirror: string;
  suites: readonly string[];
  components: readonly string[];
  architectures: readonly string[];
  keyring: string;
  checkValidUntil: boolean;
  /** What apt reads of it: packages unless given. */
  type?: 'deb' | 'deb-src';
}

/** @throws LockstepError CONFIG_INVALID: apt.conf(5) has no way to write a quotation mark */
function quote(value: string): string {
  if (/["\n]/.test(value)) {
    throw new LockstepError('CONFIG_INVALID', `apt can't work in ${JSON.stringify(value)}`, {
      hint: 'name a `state` folder without quotation marks and line breaks',
      exitCode: 2,
    });
  }
  return `"${value}"`;
}

/** Whether a path can stand in Signed-By, which apt splits at commas and white space. */
function isPlain(keyring: string): boolean {
  return !/[\s,]/.test(keyring);
}

/** The `.sources` file (deb822, sources.list(5)) for some sources. */
export function formatSources(sources: readonly ArchiveSource[]): string {
  return sources
    .map((source) =>
      formatStanza([
        ['Types', source.type ?? 'deb'],
        ['URIs', encodeURI(source.mirror)],
        ['Suites', source.suites.join(' ')],
        ['Components', source.components.join(' ')],
        ['Architectures', source.architectures.join(' ')],
        ['Signed-By', isPlain(source.keyring) ? source.keyring : undefined],
        ['Check-Valid-Until', source.checkValidUntil ? 'yes' : 'no'],
      ]),
    )
    .join('\n');
}

/**
 * The apt.conf of a private root. Nothing of the host's `/etc/apt` is read but what is handed in.
 *
 * @param transport apt.conf lines of the machine that say how to reach mirrors
 */
export function formatAptConf(
  root: string,
  architectures: readonly string[],
  transport: readonly string[],
): string {
  const settings: [string, string][] = [
    ['Dir', `${root}/`],
    ['Dir::Etc', 'etc/apt/'],
    ['Dir::Etc::netrc', '/etc/apt/auth.conf'],
    ['Dir::Etc::netrcparts', '/etc/apt/auth.conf.d'],
    ['Dir::State::status', `${root}/var/lib/dpkg/status`],
    ['Dir::Log', `${root}/var/log/apt/`],
    ['APT::Architecture', architectures[0] ?? 'amd64'],
    ['APT::Sandbox::User', 'root'],
    ['APT::Install-Recommends', 'false'],
    ['APT::Update::Error-Mode', 'any'],
    ['APT::Get::AllowUnauthenticated', 'false'],
    ['Acquire::AllowInsecureRepositories', 'false'],
    ['Acquire::Check-Valid-Until', 'true'],
    ['Acquire::Check-Date', 'true'],
    ['Acquire::Languages', 'none'],
    ['Acquire::GzipIndexes', 'true'],
    ['Acquire::ForceHash', 'SHA256'],
    ['Acquire::Retries', '3'],
    ['Acquire::http::Timeout', '30'],
    ['Acquire::https::Timeout', '30'],
  ];
  return [
    ...settings.map(([name, value]) => `${name} ${quote(value)};`),
    `APT::Architectures { ${architectures.map((name) => `${quote(name)};`).join(' ')} };`,
    // Last, so that time-outs and retries of the machine's administrator count.
    ...transport,
    '',
  ].join('\n');
}

/** A keyring that can't be named in Signed-By is the only one that the root trusts without it. */
async function trustOddKeyrings(root: string, sources: readonly ArchiveSource[]): Promise<void> {
  const trusted = path.join(root, 'etc/apt/trusted.gpg.d');
  for (const name of await fs.readdir(trusted)) {
    await fs.rm(path.join(trusted, name));
  }
  const odd = new Set(sources.map(({ keyring }) => keyring).filter((file) => !isPlain(file)));
  for (const [index, keyring] of [...odd].entries()) {
    const content = await fs.readFile(keyring);
    const ending = content.includes('-----BEGIN PGP') ? 'asc' : 'gpg';
    await writeFileAtomic(path.join(trusted, `archive-${index}.${ending}`), content);
  }
}

/** Makes or updates a private root. @returns the path of its apt.conf */
export async function writePrivateRoot(
  root: string,
  sources: readonly ArchiveSource[],
  architectures: readonly string[],
  transport: readonly string[],
): Promise<string> {
  const folders = [
    'etc/apt/apt.conf.d',
    'etc/apt/preferences.d',
    'etc/apt/sources.list.d',
    'etc/apt/trusted.gpg.d',
    'var/lib/apt/lists/partial',
    'var/cache/apt/archives/partial',
    'var/lib/dpkg',
    'var/log/apt',
    APT_SCRATCH,
  ];
  await Promise.all(
    folders.map((folder) => fs.mkdir(path.join(root, folder), { recursive: true })),
  );
  await trustOddKeyrings(root, sources);
  const config = path.join(root, 'apt.conf');
  await writeFileAtomic(config, formatAptConf(root, architectures, transport), {
    onlyIfChanged: true,
  });
  await writeFileAtomic(path.join(root, 'var/lib/dpkg/status'), '', { onlyIfChanged: true });
  await writeFileAtomic(
    path.join(root, 'etc/apt/sources.list.d/lockstep.sources'),
    formatSources(sources),
    { onlyIfChanged: true },
  );
  return config;
}
