import type { Kernel } from '../model/kernels.ts';

/** Kernels of one line follow each other: they are of one source, flavour and architecture. */
export function lineOf({
  architecture,
  source,
  flavour,
}: Pick<Kernel, 'architecture' | 'source' | 'flavour'>): string {
  return `${architecture} ${source} ${flavour}`;
}
