import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { ModuleEntry } from '../config/edit.ts';
import { LockstepError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import { sha256File } from '../core/hash.ts';
import { moduleNameOf } from '../debian/module-name.ts';
import { compareVersions } from '../debian/version.ts';
import { upstreamVersion, versionOfTag } from '../modules/sources/version.ts';
import { fetchToFile } from '../modules/sources/obtain.ts';
import { GIT_URL, remoteHead, remoteTags } from '../programs/git.ts';
import { TARBALL_NAME } from '../programs/tar.ts';

/** A module as a user named it on the command line. */
export interface NamedModule {
  name: string;
  /** What the configuration says of it. */
  entry: ModuleEntry;
}

function usage(message: string): LockstepError {
  return new LockstepError('USAGE', message, {
    hint: 'for example: v4l2loopback, ./my-driver, nic-2.1.tar.xz, git https://git.example/sensor.git#v1.4',
    exitCode: 2,
  });
}

/** A module's name made of a file's, a folder's or a repository's. @throws LockstepError USAGE */
function nameFrom(text: string): string {
  const base = path.basename(text.replace(/\/+$/, '')).replace(TARBALL_NAME, '');
  const name = base
    .replace(/\.git$/, '')
    .replace(/[-_]v?\d[^/]*$/, '')
    .toLowerCase()
    .replaceAll('_', '-')
    .replace(/-dkms$/, '');
  if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name)) {
    throw usage(`${text} gives no name for a module`);
  }
  return name;
}

/** A path as it stands in a configuration in some folder. */
function pathFrom(folder: string, file: string): string {
  const relative = path.relative(folder, path.resolve(file));
  return relative.startsWith('..') && path.isAbsolute(file)
    ? file
    : `./${relative}`.replace(/^\.\/\.\.\//, '../');
}

/** Whether a folder says by itself what it builds; otherwise its Makefile or Kbuild names the modules. */
async function builtOf(folder: string): Promise<{ built?: { name: string }[] }> {
  if (await exists(path.join(folder, 'dkms.conf'))) {
    return {};
  }
  for (const file of ['Kbuild', 'Makefile']) {
    const text = await fs.readFile(path.join(folder, file), 'utf8').catch(() => '');
    const names = [...text.matchAll(/^\s*obj-m\s*[:+]?=\s*(?<objects>.*)$/gm)]
      .flatMap((match) => (match.groups?.['objects'] ?? '').split(/\s+/))
      .flatMap((word) => /^(?<name>[A-Za-z0-9_-]+)\.o$/.exec(word)?.groups?.['name'] ?? []);
    if (names.length > 0) {
      return { built: [...new Set(names)].map((name) => ({ name })) };
    }
  }
  throw usage(`${folder} has no dkms.conf, and no Kbuild or Makefile with obj-m`);
}

async function directoryModule(word: string, folder: string): Promise<NamedModule> {
  const stat = await fs.stat(word).catch(() => undefined);
  if (stat?.isDirectory() !== true) {
    throw usage(`${word} is no folder and no tarball`);
  }
  const name = nameFrom(path.resolve(word));
  return { name, entry: { name, directory: pathFrom(folder, word), ...(await builtOf(word)) } };
}

async function tarballModule(
  word: string,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<NamedModule> {
  const name = nameFrom(word);
  if (/^https?:/.test(word)) {
    const sha256 = await fetchToFile(word, sha256File, signal);
    return { name, entry: { name, tarball: word, sha256 } };
  }
  const sha256 = await sha256File(word).catch(() => {
    throw usage(`${word} can't be read`);
  });
  return { name, entry: { name, tarball: pathFrom(folder, word), sha256 } };
}

/** The newest tag of a release, else of a pre-release; undefined when no tag has a version. */
function newestTag(tags: readonly string[], name: string): string | undefined {
  const versions = tags
    .map((tag) => ({ tag, version: versionOfTag(tag, name) ?? '' }))
    .filter(({ version }) => upstreamVersion(version) !== undefined)
    .toSorted((a, b) => compareVersions(b.version, a.version));
  const release = versions.find(({ version }) => !version.includes('~'));
  return (release ?? versions[0])?.tag;
}

async function gitModule(word: string, signal: AbortSignal | undefined): Promise<NamedModule> {
  const [url = '', wanted] = word.split('#', 2);
  if (!GIT_URL.test(url)) {
    throw usage(`${url} is no address of a git repository`);
  }
  const name = nameFrom(url);
  if (wanted !== undefined && /^[0-9a-f]{40}$/.test(wanted)) {
    return { name, entry: { name, git: url, commit: wanted } };
  }
  const tag = wanted ?? newestTag(await remoteTags(url, signal), name);
  const version = tag === undefined ? { commit: await remoteHead(url, signal) } : { tag };
  return { name, entry: { name, git: url, ...version } };
}

function packageModule(word: string): NamedModule {
  if (!/^[a-z0-9][a-z0-9+.-]+$/.test(word)) {
    throw usage(`${JSON.stringify(word)} is no name of a package`);
  }
  const name = /-dkms$|^dkms-/.test(word) ? word : `${word}-dkms`;
  return { name: moduleNameOf(name), entry: { package: name } };
}

/**
 * What a user means by words: packages with or without `-dkms`, folders (`./x`), tarballs by path or address, and
 * `git URL[#TAG]`; of a repository without tag the newest is taken.
 *
 * @param folder of the configuration, which its paths are relative to
 * @throws LockstepError USAGE, SOURCE_UNAVAILABLE
 */
export async function readModuleWords(
  words: readonly string[],
  folder: string,
  signal?: AbortSignal,
): Promise<NamedModule[]> {
  const modules: NamedModule[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === 'git' || /\.git(#|$)/.test(word)) {
      index += word === 'git' ? 1 : 0;
      modules.push(await gitModule(words[index] ?? '', signal));
    } else if (TARBALL_NAME.test(word)) {
      modules.push(await tarballModule(word, folder, signal));
    } else if (word.includes('/') || word === '.') {
      modules.push(await directoryModule(word, folder));
    } else {
      modules.push(packageModule(word));
    }
  }
  const names = modules.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw usage(`${twice} is named twice`);
  }
  return modules;
}
