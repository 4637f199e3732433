import * as path from 'node:path';
import PQueue from 'p-queue';
import { z } from 'zod';
import type { ArchiveGroup } from '../archive/group.ts';
import { buildRequires, type Cross, crossObstacle, crossOf } from '../builder/cross.ts';
import { BASE_PACKAGES } from '../builder/key.ts';
import { rootHash } from '../builder/store.ts';
import { LockstepError } from '../core/errors.ts';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Kernel, KernelHeaders } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { DebRef } from '../model/packages.ts';
import type { Context } from './context.ts';

/** What a build root is made of: layers that are shared, uppermost first, each some packages unpacked together. */
export interface RootLayers {
  /** One or two: what a module's build needs beside, above the root that all builds for the kernel share. */
  layers: readonly (readonly DebRef[])[];
  /** Hash of all packages, {@link rootHash}. */
  hash: string;
}

/** A build root, or why there is none. */
export type Root = RootLayers | { problem: LockstepError };

const closureSchema = z.array(
  z.object({
    name: z.string(),
    version: z.string(),
    architecture: z.string(),
    sha256: z.string(),
    size: z.number(),
    uri: z.string(),
  }),
) satisfies z.ZodType<DebRef[]>;

/** Asks apt for a closure once for each state of the indices. */
async function cachedClosure(
  state: string,
  archive: ArchiveGroup,
  names: readonly string[],
): Promise<DebRef[]> {
  const id = sha256(canonicalJson([await archive.solverState(), names]));
  const file = path.join(state, 'cache/closures', `${id}.json`);
  const cached = await readFileOrUndefined(file);
  if (cached !== undefined) {
    return closureSchema.parse(JSON.parse(cached.toString('utf8')));
  }
  const closure = await archive.closure(names);
  await writeFileAtomic(file, JSON.stringify(closure));
  return closure;
}

/** apt's solver takes a core for some tenths of a second. */
const SOLVED_AT_ONCE = 2;

/** A kernel and what a module's build for it needs beside the kernel's own requirements. */
export interface RootRequest {
  kernel: Kernel;
  buildPackages: readonly string[];
}

/** The build roots of a run; builds with the same requirements share one. */
export class Roots {
  readonly #context: Context;
  readonly #queue = new PQueue({ concurrency: SOLVED_AT_ONCE });
  readonly #closures = new Map<string, Promise<DebRef[] | LockstepError>>();
  readonly #roots = new Map<string, Root>();

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Asks apt for the roots of some kernels and modules.
   *
   * @throws LockstepError INTERRUPTED; what else goes wrong is a root's `problem`
   */
  async solve(requests: Iterable<RootRequest>): Promise<void> {
    const pending: Promise<void>[] = [];
    for (const { kernel, buildPackages } of requests) {
      const id = this.#idOf(kernel, buildPackages);
      const { headers } = kernel;
      const cross = this.#crossOf(kernel);
      const archive = this.#context.archives.find(
        ({ group }) => group.name === headers?.suite,
      )?.archive;
      if (headers !== undefined && archive !== undefined && !this.#roots.has(id)) {
        this.#roots.set(id, { layers: [], hash: '' });
        pending.push(this.#solveOne(id, archive, headers, cross, buildPackages));
      }
    }
    await Promise.all(pending);
  }

  /** The root of a module's builds for a kernel; undefined when it was not solved. */
  of(kernel: Kernel, { buildPackages }: Pick<Module, 'buildPackages'>): Root | undefined {
    return this.#roots.get(this.#idOf(kernel, buildPackages));
  }

  /** What keeps this machine from building for a kernel of another architecture; undefined when nothing does. */
  obstacleOf(kernel: Kernel): string | undefined {
    const cross = this.#crossOf(kernel);
    if (cross === undefined || kernel.headers === undefined) {
      return undefined;
    }
    const root = this.of(kernel, { buildPackages: [] });
    const problem = root !== undefined && 'problem' in root ? root.problem.message : undefined;
    return crossObstacle(kernel.headers, cross, problem);
  }

  #crossOf({ architecture }: Kernel): Cross | undefined {
    return crossOf(this.#context.machine.architecture, architecture);
  }

  /** Builds with the same id have the same build root. */
  #idOf(kernel: Kernel, buildPackages: readonly string[]): string {
    const { headers } = kernel;
    return headers === undefined
      ? ''
      : [
          headers.suite,
          ...buildRequires(headers, this.#crossOf(kernel)),
          ...['+', ...buildPackages],
        ].join(' ');
  }

  async #solveOne(
    id: string,
    archive: ArchiveGroup,
    headers: KernelHeaders,
    cross: Cross | undefined,
    buildPackages: readonly string[],
  ): Promise<void> {
    const names = [...BASE_PACKAGES, ...buildRequires(headers, cross)];
    // What a module needs beside is the same for every other architecture: apt is asked once.
    const more = cross === undefined || buildPackages.length === 0 ? names : BASE_PACKAGES;
    const [base, beside] = await Promise.all([
      this.#closure(archive, names),
      this.#closure(archive, [...more, ...buildPackages]),
    ]);
    const all =
      base instanceof LockstepError || beside instanceof LockstepError || cross === undefined
        ? beside
        : united(base, beside);
    const root =
      base instanceof LockstepError
        ? { problem: base }
        : all instanceof LockstepError
          ? { problem: all }
          : layered(base, all);
    this.#roots.set(id, root);
  }

  #closure(archive: ArchiveGroup, names: readonly string[]): Promise<DebRef[] | LockstepError> {
    const id = [archive.name, ...names].join(' ');
    const known = this.#closures.get(id);
    if (known !== undefined) {
      return known;
    }
    const closure = this.#queue.add(async () => {
      try {
        return await cachedClosure(this.#context.config.state, archive, names);
      } catch (error) {
        if (!(error instanceof LockstepError) || error.code === 'INTERRUPTED') {
          throw error;
        }
        return error;
      }
    });
    this.#closures.set(id, closure);
    return closure;
  }
}

/** Packages of two closures of the same archive, each once. */
function united(base: readonly DebRef[], beside: readonly DebRef[]): DebRef[] {
  return [...new Map([...base, ...beside].map((ref) => [ref.sha256, ref])).values()];
}

/** A root as layers: what is in `all` and not in `base` lies above it, unless apt left out a part of the base. */
function layered(base: readonly DebRef[], all: readonly DebRef[]): RootLayers {
  const hash = rootHash(all);
  const shared = new Set(base.map((ref) => ref.sha256));
  const above = all.filter((ref) => !shared.has(ref.sha256));
  const isWhole = above.length + base.length === all.length;
  return { layers: above.length === 0 ? [all] : isWhole ? [above, base] : [all], hash };
}
