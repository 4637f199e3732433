import * as fs from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { removePartials } from '../archive/debs.ts';
import { ArchiveGroup } from '../archive/group.ts';
import { type MachineApt, readMachineApt } from '../archive/machine.ts';
import { ObjectStore } from '../builder/object-store.ts';
import { Store } from '../builder/store.ts';
import * as groups from '../config/archives.ts';
import type { Config } from '../config/schema.ts';
import { acquireLock, type Lock } from '../core/lock.ts';
import { Ledger } from '../ledger/ledger.ts';
import type { Emit } from '../model/events.ts';
import type { DebRef } from '../model/packages.ts';
import { APT_SCRATCH } from '../programs/apt.ts';
import { removeTree } from '../programs/remove-tree.ts';

/** An archive and what the configuration says of it. */
export interface ReadArchive {
  archive: ArchiveGroup;
  group: groups.ArchiveGroup;
}

/** Everything a command works with, opened from a configuration. */
export interface Context {
  config: Config;
  machine: MachineApt;
  ledger: Ledger;
  archives: ReadArchive[];
  /** Scratch folder; empty at the beginning of a run. */
  work: string;
  emit: Emit;
  signal: AbortSignal;
  jobs: number;
  /** Whether this command holds the state folder and may change it. */
  exclusive: boolean;
  /** The folder's marker of a build in work; another process reads them for its status. */
  markerOf(key: string): string;
  /** Keys that are being built now, by this process or another one. */
  building(): Promise<Set<string>>;
  /** Whether another process waits for the state folder. */
  isWanted(): boolean;
  /** Compilations of earlier builds; undefined when the configuration wants none. */
  objects: ObjectStore | undefined;
  /** A store of unpacked packages fed by an archive. */
  storeOf(archive: ArchiveGroup): Store;
  close(): Promise<void>;
}

export interface ContextOptions {
  config: Config;
  emit: Emit;
  signal: AbortSignal;
  /** The command's name, for those who wait for the lock. */
  command: string;
  /** Seconds to wait for another run. */
  wait: number;
  /** Whether the command changes the state; one that only reads takes no lock and works beside a run. */
  exclusive: boolean;
}

/**
 * Opens state, ledger and archives, and takes the lock of the state folder.
 *
 * @throws LockstepError LOCKED, MIRROR_UNKNOWN, ENVIRONMENT
 */
export async function openContext(options: ContextOptions): Promise<Context> {
  const { config, emit, signal } = options;
  const lock = options.exclusive
    ? await acquireLock(config.state, options.command, options.wait, signal)
    : undefined;
  let ledger: Ledger | undefined;
  try {
    const machine = await readMachineApt();
    ledger = await Ledger.open(path.join(config.state, 'ledger'));
    const work = path.join(config.state, 'work');
    if (options.exclusive) {
      await removeTree(work);
      await removeLeftovers(config.state);
      await fs.mkdir(work, { recursive: true });
    }
    const cache = path.join(config.state, 'cache');
    const archives: ReadArchive[] = [];
    const all = groups.archiveGroups(config.archives);
    for (const group of all) {
      const archive = await ArchiveGroup.open({
        name: group.name,
        root: path.join(config.state, 'archives', archiveFolder(group.name)),
        debs: path.join(cache, 'debs'),
        entries: group.entries,
        base: all
          .filter(({ name }) => group.bases.includes(name))
          .flatMap(({ entries }) => entries),
        architectures: config.kernels.architectures,
        machine,
        emit,
        signal,
      });
      archives.push({ archive, group });
    }
    return assemble(options, lock, machine, ledger, archives, work, cache);
  } catch (error) {
    ledger?.close();
    await lock?.release();
    throw error;
  }
}

const MARKER = '.building';

function assemble(
  { config, emit, signal, exclusive }: ContextOptions,
  lock: Lock | undefined,
  machine: MachineApt,
  ledger: Ledger,
  archives: ReadArchive[],
  work: string,
  cache: string,
): Context {
  const stores = new Map<ArchiveGroup, Store>();
  return {
    config,
    machine,
    ledger,
    archives,
    work,
    emit,
    signal,
    exclusive,
    jobs: config.jobs ?? availableParallelism(),
    markerOf: (key) => path.join(work, `${key}${MARKER}`),
    isWanted: () => lock?.isWanted() === true,
    async building() {
      const names = await fs.readdir(work).catch(() => []);
      return new Set(
        names.filter((name) => name.endsWith(MARKER)).map((name) => name.slice(0, -MARKER.length)),
      );
    },
    objects: config.cache.objects
      ? new ObjectStore(path.join(cache, 'objects'), (hash) => path.join(cache, 'headers', hash))
      : undefined,
    storeOf(archive) {
      let store = stores.get(archive);
      if (store === undefined) {
        store = new Store(cache, (refs: readonly DebRef[]) => archive.fetch(refs));
        stores.set(archive, store);
      }
      return store;
    },
    async close() {
      if (exclusive) {
        await removeTree(work);
      }
      ledger.close();
      await lock?.release();
    },
  };
}

/** The folder of an archive's private roots, below `archives` of the state folder. */
export function archiveFolder(name: string): string {
  return name.replaceAll('/', '_');
}

/** Removes what a killed run has left in a state folder, which nobody else uses now. */
async function removeLeftovers(state: string): Promise<void> {
  const cache = path.join(state, 'cache');
  const builds = path.join(state, 'ledger/builds');
  const list = (folder: string): Promise<string[]> => fs.readdir(folder).catch(() => []);
  const archives = path.join(state, 'archives');
  const roots: string[] = [];
  for (const archive of await list(archives)) {
    for (const architecture of await list(path.join(archives, archive))) {
      const root = path.join(archives, archive, architecture);
      roots.push(root, path.join(root, 'good'), path.join(root, 'solver'));
      await removeTree(path.join(root, APT_SCRATCH));
    }
  }
  const folders = [
    ...roots,
    state,
    path.join(state, 'ledger'),
    path.join(state, 'packages'),
    ...(await list(cache)).map((name) => path.join(cache, name)),
    ...(await list(builds)).map((name) => path.join(builds, name)),
  ];
  for (const folder of folders) {
    for (const name of await list(folder)) {
      if (name.startsWith('.tmp-')) {
        await removeTree(path.join(folder, name));
      }
    }
  }
  await removePartials(path.join(cache, 'debs'));
}
