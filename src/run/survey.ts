import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import type { Archive } from '../archive/archive.ts';
import type { IndexFile } from '../archive/indices.ts';
import { LockstepError } from '../core/errors.ts';
import { BASE_PACKAGES, buildKey } from '../builder/key.ts';
import { canonicalJson, sha256 } from '../core/hash.ts';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import { findKernels, isKernelPackage } from '../kernels/catalogue.ts';
import { type IndexedPackage, scanIndex } from '../kernels/scan.ts';
import { selectKernels } from '../kernels/select.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { DebRef } from '../model/packages.ts';
import { findModules } from '../modules/find.ts';
import { kernelId } from '../planner/plan.ts';
import type { Context } from './context.ts';

/** What one archive of the configuration has: the inputs of a plan. */
export interface Survey {
  archive: Archive;
  /** The published suite. */
  suite: string;
  /** All kernels of the suites. */
  allKernels: Kernel[];
  /** Those that the configuration wants. */
  kernels: Kernel[];
  modules: Module[];
  /** Packages of the build root for a kernel with headers. */
  rootOf(kernel: Kernel): readonly DebRef[];
  keyOf(module: Module, kernel: Kernel): string | undefined;
}

/** Reads one archive: refreshes its indices unless told not to, finds kernels and modules, and computes keys. */
export async function surveyArchive(
  context: Context,
  archive: Archive,
  options: { refresh: boolean },
): Promise<Survey> {
  const { config, emit } = context;
  const began = Date.now();
  const suites = archive.options.config.suites.join(', ');
  if (options.refresh) {
    emit({ type: 'phase', phase: 'archive', detail: `reading ${suites}` });
    await archive.refresh();
    emit({ type: 'phase-done', phase: 'archive', seconds: since(began), detail: suites });
  }
  const scanBegan = Date.now();
  const indices = await archive.indices();
  if (indices.length === 0) {
    throw new LockstepError('ARCHIVE_UNREACHABLE', `${suites}: the archive has not been read yet`, {
      hint: `lockstep plan -c ${config.file}`,
    });
  }
  const wanted = new Set(config.modules.map((module) => module.package));
  const packages = await readPackages(archive, indices, wanted);
  const allKernels = config.kernels.architectures.flatMap((architecture) =>
    findKernels(
      packages.filter((entry) => isKernelPackage(entry.ref.name)),
      architecture,
    ),
  );
  const kernels = selectKernels(allKernels, config.kernels);
  const modules = findModules(config.modules, packages, suites);
  const roots = await readRoots(context, archive, kernels);
  emit({
    type: 'phase-done',
    phase: 'kernels',
    seconds: since(scanBegan),
    detail: `${allKernels.length} kernels, ${kernels.length} wanted; ${modules.length} modules`,
  });
  const rootOf = (kernel: Kernel): readonly DebRef[] => roots.get(kernelId(kernel)) ?? [];
  return {
    archive,
    suite: archive.name,
    allKernels,
    kernels,
    modules,
    rootOf,
    keyOf: (module, kernel) =>
      kernel.headers === undefined
        ? undefined
        : buildKey({ module, kernel, headers: kernel.headers, root: rootOf(kernel) }),
  };
}

/** Seconds since an instant in milliseconds. */
export function since(began: number): number {
  return (Date.now() - began) / 1000;
}

async function readPackages(
  archive: Archive,
  indices: readonly IndexFile[],
  wanted: ReadonlySet<string>,
): Promise<IndexedPackage[]> {
  const packages: IndexedPackage[] = [];
  for (const index of indices) {
    const found = scanIndex(
      archive.readIndex(index),
      index,
      (name) => isKernelPackage(name) || wanted.has(name),
    );
    for await (const entry of found) {
      packages.push(entry);
    }
  }
  return packages;
}

/** The build roots of some kernels; kernels with the same requirements share one. */
async function readRoots(
  context: Context,
  archive: Archive,
  kernels: readonly Kernel[],
): Promise<Map<string, readonly DebRef[]>> {
  const roots = new Map<string, readonly DebRef[]>();
  const byRequirements = new Map<string, Promise<DebRef[]>>();
  for (const kernel of kernels) {
    if (kernel.headers !== undefined) {
      const names = [...BASE_PACKAGES, ...kernel.headers.requires];
      const id = names.join(' ');
      const closure = byRequirements.get(id) ?? cachedClosure(context, archive, names);
      byRequirements.set(id, closure);
      roots.set(kernelId(kernel), await closure);
    }
  }
  return roots;
}

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
  context: Context,
  archive: Archive,
  names: readonly string[],
): Promise<DebRef[]> {
  const lists = path.join(archive.options.root, 'var/lib/apt/lists');
  const releases = (await fs.readdir(lists)).filter((name) => name.endsWith('Release')).toSorted();
  const contents = await Promise.all(
    releases.map(async (name) => sha256(await fs.readFile(path.join(lists, name)))),
  );
  const file = path.join(
    context.config.state,
    'cache/closures',
    `${sha256(canonicalJson([releases, contents, names]))}.json`,
  );
  const cached = await readFileOrUndefined(file);
  if (cached !== undefined) {
    return closureSchema.parse(JSON.parse(cached.toString('utf8')));
  }
  const closure = await archive.closure(names);
  await writeFileAtomic(file, JSON.stringify(closure));
  return closure;
}
