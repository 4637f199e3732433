import {
  buildInputs,
  buildKey,
  type KernelHashes,
  kernelHashes,
  moduleHash,
} from '../builder/key.ts';
import { patchesFor, patchesHash } from '../builder/patches.ts';
import { memo } from '../core/memo.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Module } from '../model/modules.ts';
import type { Roots } from './roots.ts';

/** What builds are made of, and what names them. */
export interface SurveyKeys {
  inputsOf(module: Module, kernel: Kernel): string | undefined;
  keyOf(module: Module, kernel: Kernel): string | undefined;
  /** Hash of the build root; empty when there is none. */
  rootHashOf(module: Module, kernel: Kernel): string;
}

/** Keys are made for every module × kernel: what each of them brings in is hashed once. */
export function surveyKeys(roots: Roots): SurveyKeys {
  const kernelHashOf = memo((kernel: Kernel): KernelHashes | undefined =>
    kernel.headers === undefined ? undefined : kernelHashes(kernel, kernel.headers),
  );
  const moduleHashOf = memo(moduleHash);
  const rootHashOf = (module: Module, kernel: Kernel): string => {
    const root = roots.of(kernel, module);
    return root !== undefined && 'hash' in root ? root.hash : '';
  };
  const inputsOf = (module: Module, kernel: Kernel): string | undefined => {
    const hashes = kernelHashOf(kernel);
    return hashes === undefined
      ? undefined
      : buildInputs(moduleHashOf(module), hashes, patchesHash(patchesFor(module, kernel)));
  };
  return {
    inputsOf,
    rootHashOf,
    keyOf(module, kernel) {
      const hashes = kernelHashOf(kernel);
      return hashes === undefined
        ? undefined
        : buildKey(inputsOf(module, kernel) ?? '', hashes, rootHashOf(module, kernel));
    },
  };
}
