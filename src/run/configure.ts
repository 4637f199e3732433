import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { addModules, newConfig } from '../config/edit.ts';
import { parseConfig } from '../config/load.ts';
import { errnoOf, LockstepError } from '../core/errors.ts';
import { exists, writeFileAtomic } from '../core/files.ts';
import { aptWith } from '../programs/apt.ts';
import { type NamedModule, readModuleWords } from './module-words.ts';

/** What `init` and `add` did, or would do. */
export interface ConfigureResult {
  file: string;
  text: string;
  added: string[];
  /** Modules that were there already. */
  present: string[];
  /** What the user should know besides. */
  notes: string[];
}

export interface ConfigureOptions {
  words: readonly string[];
  /** The configuration file. */
  file: string;
  dryRun: boolean;
}

/** The codename of the Debian release that runs here; trixie elsewhere. */
export async function machineSuite(osRelease = '/etc/os-release'): Promise<string> {
  const text = await fs.readFile(osRelease, 'utf8').catch(() => '');
  const isDebian = /^ID="?debian"?$/m.test(text);
  const name = /^VERSION_CODENAME="?(?<name>[a-z]+)"?$/m.exec(text)?.groups?.['name'];
  return isDebian && name !== undefined ? name : 'trixie';
}

/**
 * The components that some packages are from, by the machine's own indices: what they say of where a package lies.
 *
 * @returns package → component; packages that this machine does not know are missing
 */
async function componentsOf(packages: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (packages.length === 0) {
    return found;
  }
  const { stdout } = await aptWith('').cache(['show', '--no-all-versions', '--', ...packages]);
  for (const stanza of stdout.split('\n\n')) {
    const name = /^Package: (?<name>.*)$/m.exec(stanza)?.groups?.['name'];
    const component = /^Filename: pool\/(?:updates\/)?(?<component>[a-z-]+)\//m.exec(stanza)
      ?.groups?.['component'];
    if (name !== undefined && component !== undefined) {
      found.set(name, component);
    }
  }
  return found;
}

function packagesOf(modules: readonly NamedModule[]): string[] {
  return modules.flatMap(({ entry }) =>
    typeof entry['package'] === 'string' ? [entry['package']] : [],
  );
}

function notesOf(
  components: ReadonlyMap<string, string>,
  has: (component: string) => boolean,
): string[] {
  const notes: string[] = [];
  for (const [name, component] of components) {
    if (component !== 'main') {
      notes.push(`${name} is from ${component}: it is published only with \`publish: nonfree\``);
    }
    if (!has(component)) {
      notes.push(`${name} is from ${component}: add that to \`components\``);
    }
  }
  return notes;
}

/**
 * Writes a configuration that runs.
 *
 * @param suite the release; the machine's own when undefined
 * @throws LockstepError USAGE when the file is there already, or a word means nothing; SOURCE_UNAVAILABLE
 */
export async function initConfig(
  options: ConfigureOptions & { suite: string | undefined },
): Promise<ConfigureResult> {
  const { words, file, dryRun } = options;
  const suite = options.suite ?? (await machineSuite());
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(suite)) {
    throw new LockstepError('USAGE', `${suite} is not the name of a suite`, { exitCode: 2 });
  }
  if (await exists(file)) {
    throw new LockstepError('USAGE', `${file} is there already`, {
      hint: `lockstep add -c ${file} ${words.join(' ')}`,
      exitCode: 2,
    });
  }
  const modules = await readModuleWords(words, path.dirname(path.resolve(file)));
  const packages = packagesOf(modules);
  const known =
    suite === (await machineSuite()) ? await componentsOf(packages) : new Map<string, string>();
  // What this machine does not know may well be from contrib.
  const more = packages.every((name) => known.has(name))
    ? known.values()
    : ['contrib', ...known.values()];
  const components = [...new Set(['main', ...[...more].toSorted()])];
  const text = newConfig({ suite, components, modules: modules.map(({ entry }) => entry) });
  parseConfig(text, file);
  if (!dryRun) {
    await writeNew(file, text);
  }
  const added = modules.map(({ name }) => name);
  return { file, text, added, present: [], notes: notesOf(known, () => true) };
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await fs.mkdir(path.dirname(path.resolve(file)), { recursive: true });
    await fs.writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) {
      throw error;
    }
    throw new LockstepError('ENVIRONMENT', `${file} can't be written (${errno})`, {
      hint: `ls -ld '${path.dirname(path.resolve(file))}'`,
      cause: error,
    });
  }
}

/**
 * Adds modules to a configuration.
 *
 * @throws LockstepError CONFIG_MISSING, CONFIG_INVALID, USAGE, SOURCE_UNAVAILABLE
 */
export async function addToConfig({
  words,
  file,
  dryRun,
}: ConfigureOptions): Promise<ConfigureResult> {
  const before = await fs.readFile(file, 'utf8').catch((cause: unknown) => {
    throw new LockstepError(
      'CONFIG_MISSING',
      `${file} can't be read (${errnoOf(cause) ?? 'unreadable'})`,
      {
        hint: `lockstep init -c ${file} ${words.join(' ')}`,
        exitCode: 2,
        cause,
      },
    );
  });
  const config = parseConfig(before, file);
  const modules = await readModuleWords(words, path.dirname(path.resolve(file)));
  const { text, added, present } = addModules(before, file, modules);
  if (!dryRun && text !== before) {
    const { mode } = await fs.stat(file);
    // A link to the file stays one.
    await writeFileAtomic(await fs.realpath(file), text, { mode: mode & 0o7777 });
  }
  const listed = new Set(config.archives.flatMap((archive) => archive.components));
  const fresh = modules.filter(({ name }) => added.includes(name));
  const components = await componentsOf(packagesOf(fresh));
  const notes = notesOf(components, (component) => listed.has(component));
  return { file, text, added, present, notes };
}
