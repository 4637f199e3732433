import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { exists } from '../../src/core/files.ts';
import { giveBuildRoots, takeBuildRoots } from './build-roots.ts';
import { type Scratch, scratch } from './program.ts';
import type { OwnPackage } from './small-archive.ts';
import { type SteerableMirror, steerableMirror } from './steerable-mirror.ts';
import { type SuitesArchive, suitesArchive, type SuitesArchiveOptions } from './suites-archive.ts';
import { type SuitesHome, suitesHome } from './suites-home.ts';
import { type KernelOptions, metapackage, type TestKernel, testKernel } from './test-kernels.ts';
import { dkmsPackage, type DkmsSource } from './test-packages.ts';

/** A mirror, an archive and all that a test file puts into it. */
export interface SuitesStage extends AsyncDisposable {
  box: Scratch;
  mirror: SteerableMirror;
  archive: SuitesArchive;
  /** Another archive of the same mirror. */
  archiveAt(options: SuitesArchiveOptions): Promise<SuitesArchive>;
  /** The same object for the same options. */
  kernel(options: KernelOptions): Promise<TestKernel>;
  /** Two kernels of one flavour, the second newer than the first. */
  twoKernels(): Promise<[TestKernel, TestKernel]>;
  /** @param provides more names that it provides */
  meta(kernel: TestKernel, provides?: readonly string[]): Promise<OwnPackage>;
  module(source: DkmsSource): Promise<OwnPackage>;
  /** A home of its own; what the first one has downloaded and unpacked is there. */
  home(name: string): Promise<SuitesHome>;
  /** An entry of `archives:` for a suite of the archive. */
  entry(suite: string, more?: Record<string, unknown>): Record<string, unknown>;
}

export async function suitesStage(name: string): Promise<SuitesStage> {
  const box = await scratch(name);
  const mirror = await steerableMirror();
  const archive = await suitesArchive(mirror, box.path);
  const kernels = new Map<string, Promise<TestKernel>>();
  let seed: string | undefined;
  const kernel = (options: KernelOptions): Promise<TestKernel> => {
    const id = JSON.stringify(options);
    const known = kernels.get(id) ?? testKernel(box.path, archive.headers, options);
    kernels.set(id, known);
    return known;
  };
  return {
    box,
    mirror,
    archive,
    archiveAt: (options) => suitesArchive(mirror, box.path, options),
    kernel,
    twoKernels: async () => [
      await kernel({ release: '6.12.201+deb13-cloud-amd64', version: '6.12.201-1' }),
      await kernel({ release: '6.12.202+deb13-cloud-amd64', version: '6.12.202-1' }),
    ],
    meta: (of, provides) => metapackage(box.path, of, provides),
    module: (source) => dkmsPackage(box.path, source),
    async home(folder) {
      // Hard links reach no other disk; a home there begins with nothing.
      const isReady =
        seed !== undefined &&
        (await exists(path.join(seed, 'cache/headers'))) &&
        (await fs.stat(seed)).dev === (await fs.stat(box.path)).dev;
      const made = await suitesHome(box, folder, isReady ? seed : undefined);
      if (!isReady) {
        seed = path.join(made.folder, 'state');
        await takeBuildRoots(seed);
      }
      return made;
    },
    entry: (suite, more = {}) => ({
      suites: [suite],
      mirror: archive.url,
      keyring: archive.keyring,
      ...more,
    }),
    async [Symbol.asyncDispose]() {
      if (seed !== undefined) {
        await giveBuildRoots(seed);
      }
      await mirror[Symbol.asyncDispose]();
      await box[Symbol.asyncDispose]();
    },
  };
}
