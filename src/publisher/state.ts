import * as fs from 'node:fs';
import { sha256 } from '../core/hash.ts';
import {
  type PublishedSuite,
  readHead,
  readSuite,
  releaseOf,
  type SuiteHead,
  suitesIn,
} from './published.ts';
import { learnFile } from './named.ts';
import type { Store } from './store.ts';

/** What a repository folder is known by: a copy of it is another one. */
function identityOf(directory: string): string {
  const status = fs.statSync(directory, { bigint: true, throwIfNoEntry: false });
  return status === undefined ? '' : `${status.dev}:${status.ino}`;
}

function hashes(former: SuiteHead['former']): string {
  return JSON.stringify(former.map(({ release }) => release));
}

/** Whether the store speaks of this folder, of these states, and of no publisher that was killed. */
function isKnown(store: Store, directory: string, heads: readonly SuiteHead[]): boolean {
  const repository = store.get('SELECT identity, open FROM repository');
  const count = Number(store.get('SELECT count(*) AS count FROM suite')?.['count']);
  return (
    repository?.['identity'] === identityOf(directory) &&
    repository['open'] === 0 &&
    count === heads.length &&
    heads.every((head) => {
      const row = store.get('SELECT release, former FROM suite WHERE suite = ?', head.suite);
      return row?.['release'] === releaseOf(head) && row['former'] === hashes(head.former);
    })
  );
}

function nameAll(store: Store, suite: string, debs: PublishedSuite['debs'], until: number): void {
  for (const deb of debs) {
    learnFile(store, suite, deb, until);
  }
}

/** Reads the packages of all states of a suite, each once: in the newest state that has it. */
async function learnSuite(store: Store, directory: string, head: SuiteHead): Promise<SuiteHead> {
  const suite = await readSuite(directory, head);
  const generation = suite.former.length + 1;
  nameAll(store, suite.suite, suite.debs, 0);
  const seen = new Set(suite.debs.map(({ filename }) => filename));
  for (const [at, { debs }] of suite.former.entries()) {
    const gone = debs.filter(({ filename }) => !seen.has(filename));
    nameAll(store, suite.suite, gone, generation - 1 - at);
    for (const { filename } of gone) {
      seen.add(filename);
    }
  }
  const { former } = suite;
  const count = store.get(
    "SELECT count(*) AS count FROM named WHERE suite = ? AND until = 0 AND architecture NOT LIKE '.%'",
    suite.suite,
  );
  store.run(
    'INSERT INTO suite VALUES (?, ?, ?, ?, ?, ?, ?)',
    ...[suite.suite, '', '', releaseOf(suite), hashes(former), generation],
    Number(count?.['count']),
  );
  return { ...head, former: former.map(({ release, files }) => ({ release, files })) };
}

export interface RepositoryState {
  suites: Map<string, SuiteHead>;
  /** Whether the store knew the repository already; else all of it was read, and all of it is to be looked at. */
  wasKnown: boolean;
}

/**
 * Brings what the store says of the repository in step with what is there: nothing is to be done but after a publisher
 * that was killed, or when another one has worked there.
 *
 * @param keep how many former states of a suite count, at most
 * @throws LockstepError REPOSITORY_INVALID when the live state of a suite can't be read
 */
export async function readState(
  store: Store,
  directory: string,
  keep: number,
): Promise<RepositoryState> {
  const heads: SuiteHead[] = [];
  for (const suite of await suitesIn(directory)) {
    heads.push(await readHead(directory, suite, keep));
  }
  const wasKnown = isKnown(store, directory, heads);
  const suites = new Map<string, SuiteHead>();
  if (!wasKnown) {
    store.forgetRepository();
  }
  for (const head of heads) {
    suites.set(head.suite, wasKnown ? head : await learnSuite(store, directory, head));
  }
  return { suites, wasKnown };
}

/** Notes, for good, that the repository is about to be changed. */
export function beginChange(store: Store): void {
  store.run('DELETE FROM repository');
  store.run('INSERT INTO repository VALUES (?, 1)', '');
  store.commit();
}

/** Notes that the repository is as the store says. */
export function endChange(store: Store, directory: string): void {
  store.run('DELETE FROM repository');
  store.run('INSERT INTO repository VALUES (?, 0)', identityOf(directory));
  store.commit();
}

/** Notes the states that a suite has now. */
export function setStates(
  store: Store,
  suite: string,
  release: string,
  former: SuiteHead['former'],
): void {
  store.run(
    'UPDATE suite SET release = ?, former = ? WHERE suite = ?',
    ...[sha256(release), hashes(former), suite],
  );
}
