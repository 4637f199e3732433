import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { exists, temporaryName } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import { removeTree } from '../programs/remove-tree.ts';
import { runProgram } from '../programs/run.ts';
import { runsAsRoot } from '../programs/sandbox.ts';
import { compareHeaders, type HeaderDifference } from './header-difference.ts';
import { linkTaken, namesOf, readHits } from './objects-left.ts';
import { isNear, writeDifference } from './objects-near.ts';

/** What a build's compilations are kept under: those of the same module, tools and architecture can be taken. */
export interface ObjectsIdentity {
  module: string;
  /** Hash of the module's source and options. */
  source: string;
  /** Hash of the build root. */
  root: string;
  architecture: string;
  flavour: string;
  release: string;
  /** SHA-256 of the headers packages, in the kernel's order. */
  headers: readonly string[];
}

/** Compilations of the same module for another kernel. */
export interface Neighbour {
  release: string;
  /** Layers for the sandbox's root. */
  layers: string[];
  /** Folder of the kept compilations. */
  objects: string;
}

const metaSchema = z.object({
  module: z.string(),
  source: z.string(),
  root: z.string(),
  architecture: z.string(),
  flavour: z.string(),
  release: z.string(),
  headers: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
  kept: z.iso.datetime(),
}) satisfies z.ZodType<ObjectsIdentity>;

type Meta = z.output<typeof metaSchema>;

/** Below a layer: where `cc` of the recipe looks for compilations. */
const OBJECTS = 'usr/lib/lockstep/objects';

/** Kernels of one flavour of which the compilations of a module are kept. */
const KEPT_EACH = 2;

/**
 * Compilations of earlier builds, by module, architecture and kernel. What lies here was written by untrusted sources:
 * it is only ever shown to builds of the same source, in the sandbox.
 */
export class ObjectStore {
  readonly #directory: string;
  readonly #layerOf: (sha256: string) => string;
  /** Stores that builds of this process look into. */
  readonly #used = new Set<string>();
  readonly #forgotten = new Set<string>();
  /** Builds of this process that were shown a store: {@link #folderOf} → {@link targetOf}. */
  readonly #shown = new Map<string, Set<string>>();
  readonly #differences = new Map<string, Promise<HeaderDifference | undefined>>();

  /**
   * @param directory folder of the cache
   * @param layerOf where the unpacked package of a hash lies, if it does
   */
  constructor(directory: string, layerOf: (sha256: string) => string) {
    this.#directory = directory;
    this.#layerOf = layerOf;
  }

  /** One folder for all kernels of which one may take from the other. */
  #folderOf({ module, source, root, architecture, flavour }: ObjectsIdentity): string {
    const id = sha256([module, source, root, architecture, flavour].join('\n'));
    return path.join(this.#directory, id.slice(0, 32));
  }

  /** The builds that were shown a store; one set for all that look at the same time. */
  #shownFrom(folder: string): Set<string> {
    const shown = this.#shown.get(folder) ?? new Set<string>();
    this.#shown.set(folder, shown);
    return shown;
  }

  /** Takes a folder away at once; one that a build may still look into is left to the next start's sweep. */
  async #remove(folder: string): Promise<void> {
    if (await exists(folder)) {
      const aside = temporaryName(path.join(this.#directory, 'removed'));
      await fs.rename(folder, aside);
      if (!this.#used.has(folder)) {
        await removeTree(aside);
      }
    }
  }

  /**
   * Finds the nearest kernel's compilations of the same source with the same tools, and makes the layers that show
   * them and what differs.
   *
   * @param scratch folder that gets the layer which says what differs
   * @returns undefined when there are none, when they are forgotten, or when too much differs to gain anything
   */
  async find(wanted: ObjectsIdentity, scratch: string): Promise<Neighbour | undefined> {
    const shown = this.#shownFrom(this.#folderOf(wanted));
    shown.delete(targetOf(wanted));
    if (this.#forgotten.has(this.#folderOf(wanted))) {
      return undefined;
    }
    const candidates = (await this.#stores(wanted)).filter(
      ({ meta }) => meta.headers.join() !== wanted.headers.join(),
    );
    let best: { difference: HeaderDifference; folder: string; meta: Meta } | undefined;
    for (const { meta, folder } of candidates) {
      const difference = await this.#difference(meta.headers, wanted.headers);
      if (
        difference !== undefined &&
        (best === undefined || difference.changed.length < best.difference.changed.length)
      ) {
        best = { difference, folder, meta };
      }
    }
    if (best === undefined || !(await isNear(path.join(best.folder, OBJECTS), best.difference))) {
      return undefined;
    }
    this.#used.add(best.folder);
    shown.add(targetOf(wanted));
    const layer = path.join(scratch, 'neighbour');
    await writeDifference(layer, best.difference);
    return {
      release: best.meta.release,
      layers: [layer, best.folder],
      objects: path.join(best.folder, OBJECTS),
    };
  }

  /**
   * Keeps what a build left in `/out/objects`, and what it took from its neighbour, for the next kernel.
   *
   * @param left that folder on this machine
   * @returns how many compilations were taken and made
   */
  async keep(
    identity: ObjectsIdentity,
    left: string,
    neighbour: Neighbour | undefined,
  ): Promise<{ taken: number; made: number }> {
    const names = await namesOf(left);
    if (names === undefined || this.#forgotten.has(this.#folderOf(identity))) {
      return { taken: 0, made: 0 };
    }
    const hits = await readHits(left);
    const folder = path.join(this.#folderOf(identity), sha256(identity.release).slice(0, 32));
    await fs.mkdir(path.dirname(folder), { recursive: true });
    const temporary = temporaryName(path.join(this.#directory, 'kept'));
    const objects = path.join(temporary, OBJECTS);
    await fs.mkdir(path.dirname(objects), { recursive: true });
    // The cache may lie on a file system of its own. What others can read is nobody's to run or to change.
    await runProgram('mv', ['-T', '--', left, objects]);
    await runProgram('chmod', ['-R', 'u=rwX,go=rX', '--', objects]);
    if (runsAsRoot()) {
      await runProgram('chown', ['-R', '-h', '0:0', '--', objects]);
    }
    const made = names.filter((name) => name.endsWith('.args')).length;
    if (neighbour !== undefined) {
      await linkTaken(neighbour.objects, objects, hits);
    }
    const meta: Meta = {
      ...identity,
      headers: [...identity.headers],
      kept: new Date().toISOString(),
    };
    await fs.writeFile(path.join(temporary, 'meta.json'), JSON.stringify(meta));
    await this.#remove(folder);
    await fs.rename(temporary, folder);
    if (this.#forgotten.has(this.#folderOf(identity))) {
      // Forgotten while it was written: what it took may be wrong.
      await this.#remove(folder);
    }
    await this.#forgetOld(identity);
    return { taken: hits.length, made };
  }

  /** Whether a build of this process may have taken from what was forgotten since, and was not made clean after. */
  isSuspect(identity: ObjectsIdentity): boolean {
    const folder = this.#folderOf(identity);
    return this.#forgotten.has(folder) && this.#shown.get(folder)?.has(targetOf(identity)) === true;
  }

  /** Forgets what is kept of a module: it can't be relied on. The build that showed it was made clean. */
  async forget(identity: ObjectsIdentity): Promise<void> {
    const folder = this.#folderOf(identity);
    this.#forgotten.add(folder);
    this.#shown.get(folder)?.delete(targetOf(identity));
    for (const name of await fs.readdir(folder).catch((): string[] => [])) {
      await this.#remove(path.join(folder, name));
    }
  }

  async #stores(identity: ObjectsIdentity): Promise<{ meta: Meta; folder: string }[]> {
    const directory = this.#folderOf(identity);
    const stores: { meta: Meta; folder: string }[] = [];
    for (const name of await fs.readdir(directory).catch((): string[] => [])) {
      const folder = path.join(directory, name);
      const text = await fs.readFile(path.join(folder, 'meta.json'), 'utf8').catch(() => '{}');
      const meta = metaSchema.safeParse(parseJson(text));
      if (meta.success) {
        stores.push({ meta: meta.data, folder });
      }
    }
    return stores.toSorted((a, b) => (a.meta.kept < b.meta.kept ? 1 : -1));
  }

  async #forgetOld(identity: ObjectsIdentity): Promise<void> {
    const stores = await this.#stores(identity);
    for (const { folder } of stores.slice(KEPT_EACH)) {
      await this.#remove(folder);
    }
  }

  /** The difference of two kernels' headers, found once for all modules of a run. */
  #difference(
    before: readonly string[],
    after: readonly string[],
  ): Promise<HeaderDifference | undefined> {
    const id = `${before.join()} ${after.join()}`;
    const layers = (hashes: readonly string[]): string[] => hashes.map(this.#layerOf);
    const known = this.#differences.get(id) ?? compareHeaders(layers(before), layers(after));
    this.#differences.set(id, known);
    known.catch(() => this.#differences.delete(id));
    return known;
  }
}

/** Names a build among those of one source, tools and flavour. */
function targetOf({ release, headers }: ObjectsIdentity): string {
  return [release, ...headers].join();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
