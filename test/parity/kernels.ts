import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { isKernelPackage, makeCatalogue } from '../../src/kernels/catalogue.ts';
import { type IndexedPackage, scanIndex } from '../../src/kernels/scan.ts';
import type { KernelHeaders, SuiteKernel } from '../../src/model/kernels.ts';
import { aptWith } from '../../src/programs/apt.ts';
import { indexRoot } from '../support/index-root.ts';
import { debianAccess } from '../support/mirror.ts';

/** A kernel with the headers that Lockstep would build with. */
export interface ParityKernel {
  release: string;
  flavour: string;
  /** Whether a metapackage points to it. */
  isNewest: boolean;
  headers: KernelHeaders;
}

/** All kernels of some suites on amd64, as Lockstep reads them. */
export async function readKernels(suites: readonly string[]): Promise<SuiteKernel[]> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-parity-'));
  try {
    const root = await indexRoot(folder, suites, 'amd64', await debianAccess());
    const problem = await root.update();
    if (problem !== undefined) {
      throw new Error(`${suites.join(', ')}: ${problem}`);
    }
    const apt = aptWith(root.config);
    const packages: IndexedPackage[] = [];
    for (const { file, ...place } of await root.indices()) {
      const index = { ...place, base: 'http://mirror.invalid/' };
      for await (const entry of scanIndex(apt.cat(file), index, isKernelPackage)) {
        packages.push(entry);
      }
    }
    const inputs = [{ suite: 'suite', packages, stale: new Map<string, string>() }];
    return makeCatalogue(inputs, ['amd64']).get('suite') ?? [];
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/**
 * The kernels that a word names.
 *
 * @param wanted a release, a flavour or track (`cloud-amd64`, `6.1-amd64`: the kernel that its metapackage points to),
 *   or `all`: what every metapackage points to
 * @throws Error naming what there is when there is no such kernel, or when its headers are gone
 */
export function chooseKernels(kernels: readonly SuiteKernel[], wanted: string): ParityKernel[] {
  const chosen = kernels.filter(
    ({ kernel, tracks }) =>
      kernel.release === wanted ||
      tracks.includes(wanted) ||
      (wanted === 'all' && tracks.length > 0),
  );
  if (chosen.length === 0) {
    const known = kernels.flatMap(({ tracks }) => tracks).toSorted();
    throw new Error(`there is no kernel ${wanted}; flavours: ${known.join(', ')}`);
  }
  return chosen.map(({ kernel: { release, flavour, headers }, tracks }) => {
    if (headers === undefined) {
      throw new Error(`the headers of ${release} are gone`);
    }
    return { release, flavour, isNewest: tracks.length > 0, headers };
  });
}
