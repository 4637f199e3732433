import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { errnoOf } from '../core/errors.ts';
import { exists, readFileOrUndefined } from '../core/files.ts';
import { sha256, sha256File } from '../core/hash.ts';
import { fulfils } from '../debian/condition.ts';
import { parseStanza, type Stanza } from '../debian/control.ts';
import { parseRelations } from '../debian/relation.ts';
import { readOpened } from './deb.ts';
import { type DebArchive, openDeb } from './deb-archive.ts';
import { packageStanzas } from './indices.ts';
import { checkInterrupted } from './interrupted.ts';
import type { SigningKey } from './key.ts';
import { byHashPath, readHead, type SuiteHead, suitesIn } from './published.ts';
import { isFileIndex, parseFileIndex, type PublishedFile } from './source-index.ts';
import { ContentsCheck } from './verify-contents.ts';

/** Something that is wrong with a repository. */
export interface Defect {
  /** Path below the repository, or what a package is called. */
  what: string;
  problem: string;
  /** Whether the file has to go before it can be published again. */
  isDamaged: boolean;
}

export interface Verification {
  suites: number;
  packages: number;
  defects: Defect[];
}

/** Packages of a suite's index for one architecture, by name: versions of one package beside each other. */
type Index = ReadonlyMap<string, readonly Stanza[]>;

/** The indices of a suite that are right, by their paths without the end that says how they are compressed. */
type Texts = ReadonlyMap<string, Buffer>;

/** Packages that are read at once. */
const BATCH = 100;

/**
 * Verifies a repository whole: signatures, every index under both of its names, every package's size and hash, that
 * `Contents` says what is in them, and that whatever the packages need of each other is there (contract 1). Reads all of the pool.
 *
 * @param key what the suites are to be signed with
 * @param now the instant at which Release files have to hold
 * @throws LockstepError REPOSITORY_INVALID when a suite can't be read at all, INTERRUPTED
 */
export async function verifyRepository(
  directory: string,
  key: Pick<SigningKey, 'verify' | 'isOurs'>,
  now: Date,
  signal?: AbortSignal,
): Promise<Verification> {
  const defects: Defect[] = [];
  const files = new Map<string, Stanza>();
  const others = new Map<string, PublishedFile>();
  const contents = new ContentsCheck();
  const suites = await suitesIn(directory);
  for (const name of suites) {
    const suite = await readHead(directory, name, 0);
    defects.push(...(await verifySigned(suite, key, now)));
    const texts = await readIndices(directory, suite, defects);
    for (const [file, text] of texts) {
      if (file.endsWith('/Packages')) {
        const stanzas = packageStanzas(text.toString('utf8'));
        for (const stanza of stanzas) {
          files.set(stanza.get('Filename') ?? '', stanza);
        }
        const index = Map.groupBy(stanzas, (stanza) => stanza.get('Package') ?? '');
        defects.push(...unresolved(name, index));
        contents.expect(name, file, stanzas, texts);
      } else if (isFileIndex(file)) {
        for (const other of parseFileIndex(file, text.toString('utf8'))) {
          others.set(other.filename, other);
        }
      }
    }
  }
  for (const other of others.values()) {
    checkInterrupted(signal, 'verifying');
    defects.push(...(await verifyFile(directory, other)));
  }
  const packages = [...files];
  for (let from = 0; from < packages.length; from += BATCH) {
    const batch = packages.slice(from, from + BATCH);
    defects.push(...(await verifyPackages(directory, batch, contents, signal)));
  }
  return {
    suites: suites.length,
    packages: files.size,
    defects: [...defects, ...contents.defects()],
  };
}

async function verifySigned(
  { suite, inRelease, live }: SuiteHead,
  key: Pick<SigningKey, 'verify' | 'isOurs'>,
  now: Date,
): Promise<Defect[]> {
  const what = `dists/${suite}/InRelease`;
  if (inRelease === undefined || live === undefined) {
    return [{ what, problem: 'is missing', isDamaged: false }];
  }
  if (!(await key.verify(inRelease))) {
    return (await key.isOurs(inRelease))
      ? [{ what, problem: 'is not signed by exactly the keys that sign now', isDamaged: false }]
      : [{ what, problem: "has no good signature of the repository's key", isDamaged: true }];
  }
  const end = new Date(parseStanza(live.text).get('Valid-Until') ?? Number.NaN);
  return end < now ? [{ what, problem: `ended on ${end.toISOString()}`, isDamaged: false }] : [];
}

/** A suite's indices, as far as they are right; what is wrong with any is added to the defects. */
async function readIndices(
  directory: string,
  { suite, live }: SuiteHead,
  defects: Defect[],
): Promise<Texts> {
  const texts = new Map<string, Buffer>();
  const published = (live?.files ?? []).filter(({ path: name }) => /\.(?:gz|xz)$/.test(name));
  for (const file of published) {
    for (const name of [file.path, byHashPath(file)]) {
      const what = `dists/${suite}/${name}`;
      const content = await readFileOrUndefined(path.join(directory, what));
      if (content === undefined) {
        defects.push({ what, problem: 'is missing', isDamaged: false });
      } else if (sha256(content) !== file.sha256) {
        defects.push({ what, problem: 'is not what InRelease says', isDamaged: true });
      } else if (file.path.endsWith('.gz') && !texts.has(file.path.slice(0, -3))) {
        // Under either name: what is in the pool is looked at even where one is missing.
        texts.set(file.path.slice(0, -3), gunzipSync(content));
      }
    }
  }
  for (const [name, text] of texts) {
    const listed = live?.files.find((file) => file.path === name);
    if (listed !== undefined && listed.sha256 !== sha256(text)) {
      const what = `dists/${suite}/${name}.gz`;
      defects.push({ what, problem: 'is not the index that InRelease says', isDamaged: true });
    }
  }
  return texts;
}

/** Verifies packages, each read once for its hash, and tells what is in those that are right. */
async function verifyPackages(
  directory: string,
  packages: readonly (readonly [filename: string, stanza: Stanza])[],
  contents: ContentsCheck,
  signal: AbortSignal | undefined,
): Promise<Defect[]> {
  const defects: Defect[] = [];
  const sound: [filename: string, archive: DebArchive][] = [];
  for (const [filename, stanza] of packages) {
    checkInterrupted(signal, 'verifying');
    const size = Number(stanza.get('Size'));
    const expected = { filename, size, sha256: stanza.get('SHA256') ?? '' };
    const archive = await openPackage(directory, expected);
    if (archive === undefined) {
      defects.push(...(await verifyFile(directory, expected)));
    } else {
      sound.push([filename, archive]);
    }
  }
  const debs = await readOpened(sound.map(([, archive]) => archive));
  for (const [at, [filename]] of sound.entries()) {
    contents.found(filename, debs[at]);
  }
  return defects;
}

/** Undefined when a package is not what the index says; @throws LockstepError REPOSITORY_INVALID when it is, and is none */
async function openPackage(
  directory: string,
  expected: PublishedFile,
): Promise<DebArchive | undefined> {
  const file = path.join(directory, expected.filename);
  try {
    const archive = await openDeb(file);
    const isRight = archive.size === expected.size && archive.sha256 === expected.sha256;
    return isRight ? archive : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || (await verifyFile(directory, expected)).length > 0) {
      return undefined;
    }
    throw error;
  }
}

async function verifyFile(
  directory: string,
  { filename, size, sha256: expected }: PublishedFile,
): Promise<Defect[]> {
  const file = path.join(directory, filename);
  if (!(await exists(file))) {
    return [{ what: filename, problem: 'is missing', isDamaged: false }];
  }
  const isRight =
    (size === undefined || (await fs.stat(file)).size === size) &&
    (await sha256File(file)) === expected;
  return isRight
    ? []
    : [{ what: filename, problem: 'is not what the index says', isDamaged: true }];
}

const ALL_RELEASES = /-modules-(?<release>[0-9][^\s,]*)$/;

/**
 * What packages need of others of the repository and is not there in a version that does: a tracking package's module
 * package, the modules that a module is built on, the guard, the keyring. What Debian has is not looked for.
 */
function unresolved(suite: string, index: Index): Defect[] {
  const defects: Defect[] = [];
  for (const stanza of [...index.values()].flat()) {
    for (const group of parseRelations(stanza.get('Depends'))) {
      const [relation] = group;
      const isOurs =
        relation !== undefined &&
        group.length === 1 &&
        !relation.name.startsWith('linux-') &&
        (ALL_RELEASES.test(relation.name) ||
          /^lockstep-guard$|-archive-keyring$/.test(relation.name));
      if (isOurs) {
        const { name, operator, version } = relation;
        const isThere = (index.get(name) ?? []).some(
          (entry) =>
            operator === undefined ||
            version === undefined ||
            fulfils(entry.get('Version') ?? '', [{ operator, version }]),
        );
        if (!isThere) {
          const what = `${suite}: ${stanza.get('Package') ?? ''} ${stanza.get('Version') ?? ''}`;
          const wanted = version === undefined ? name : `${name} (${operator} ${version})`;
          defects.push({ what, problem: `needs ${wanted}, which is not there`, isDamaged: false });
        }
      }
    }
  }
  return defects;
}
