import { createHash } from 'node:crypto';
import { sha256 } from '../core/hash.ts';
import { assemble, type BlockedIndex, FreshBlocks, plainBlocks, updateBlocks } from './blocks.ts';
import { contentsIndex } from './contents-index.ts';
import type { SuiteChange } from './entries.ts';
import type { IndexFile } from './indices.ts';
import { fileIndices } from './pool-files.ts';
import { packagesIndex } from './packages-index.ts';
import type { Store } from './store.ts';

/** A file that Release lists. */
export interface PlannedFile {
  index: IndexFile;
  /** Its bytes; undefined for a plain form, which is listed and not published, as in Debian's archive. */
  content: (() => Buffer) | undefined;
}

function listedForms(store: Store, index: BlockedIndex): PlannedFile[] {
  const rows = store.all(
    'SELECT form, sha256, size FROM listed WHERE suite = ? AND path = ? ORDER BY form',
    ...[index.suite, index.path],
  );
  return rows.map((row) => {
    const form = String(row['form']);
    const published = index.forms.find((one) => one === form);
    return {
      index: {
        path: `${index.path}${form}`,
        sha256: String(row['sha256']),
        size: Number(row['size']),
      },
      content: published === undefined ? undefined : () => assemble(store, index, published),
    };
  });
}

function setForm(
  store: Store,
  index: BlockedIndex,
  form: string,
  hash: string,
  size: number,
): void {
  store.run(
    'INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?, ?)',
    ...[index.suite, index.path, form, hash, size],
  );
}

/** Notes what the forms of an index are now. */
function describe(store: Store, index: BlockedIndex): void {
  const hash = createHash('sha256');
  let size = 0;
  for (const block of plainBlocks(store, index)) {
    hash.update(block);
    size += block.length;
  }
  setForm(store, index, '', hash.digest('hex'), size);
  for (const form of index.forms) {
    const bytes = assemble(store, index, form);
    setForm(store, index, form, sha256(bytes), bytes.length);
  }
}

/** Text that is compressed at once: enough for all processors, and little to keep in memory. */
const BATCH_BYTES = 8 * 1024 * 1024;

/**
 * The indices of a suite after a change, in the order of its Release file. Those in which nothing changed are as they
 * were and are not looked at.
 */
export async function planIndices(store: Store, change: SuiteChange): Promise<PlannedFile[]> {
  const { publication, added, removed } = change;
  const changed = [...added, ...removed];
  const indices: BlockedIndex[] = [];
  const contents: BlockedIndex[] = [];
  const updated: BlockedIndex[] = [];
  const fresh = new FreshBlocks(store);
  const update = async (index: BlockedIndex, keys: readonly string[] | 'all'): Promise<void> => {
    updateBlocks(store, index, keys, fresh);
    await fresh.compress(BATCH_BYTES);
    updated.push(index);
  };
  for (const architecture of publication.architectures) {
    const names = changed
      .filter((deb) => deb.architecture === architecture || deb.architecture === 'all')
      .map(({ name }) => name);
    const packages = packagesIndex(store, publication, architecture, names);
    const list = contentsIndex(store, publication, architecture, change);
    const isNew = change.isWhole || listedForms(store, packages).length === 0;
    if (isNew || names.length > 0) {
      await update(packages, isNew ? 'all' : names);
      await update(list.index, isNew ? 'all' : list.keys);
    }
    indices.push(packages);
    contents.push(list.index);
  }
  for (const { index, keys } of fileIndices(store, change)) {
    const isNew = change.isWhole || listedForms(store, index).length === 0;
    if (isNew || keys.length > 0) {
      await update(index, isNew ? 'all' : keys);
    }
    indices.push(index);
  }
  await fresh.compress(0);
  for (const index of updated) {
    describe(store, index);
  }
  return [...contents, ...indices].flatMap((index) => listedForms(store, index));
}
