import type { Module } from '../model/modules.ts';
import type { ModuleChoice } from './plan.ts';

/** The versions of a module that an architecture can have, in order of preference. */
export function candidatesFor({ candidates }: ModuleChoice, architecture: string): Module[] {
  return candidates.filter(
    ({ source }) => source.architecture === 'all' || source.architecture === architecture,
  );
}
