import type { Publications } from './schema.ts';

/** A module package that is published. */
export interface ModulePublication {
  suite: string;
  /** `name:architecture`, by which publications are kept. */
  id: string;
  /** The build key; undefined when it is not known. */
  key: string | undefined;
  module: string;
  moduleVersion: string;
  release: string;
  architecture: string;
  kernelVersion: string;
  /** Architecture, source and flavour of the kernel; undefined when they are not known. */
  line: string | undefined;
  /** ISO 8601, UTC. */
  since: string;
}

/** The published module packages, as far as it is known what they are for, in the order of the file. */
export function modulePublications(publications: Publications): ModulePublication[] {
  return Object.entries(publications).flatMap(([suite, entries]) =>
    Object.entries(entries).flatMap(([id, entry]): ModulePublication[] => {
      const { kind, module, moduleVersion, kernel, key, line, since } = entry;
      const [release, architecture, kernelVersion] = kernel?.split('/') ?? [];
      return kind !== 'module' ||
        module === undefined ||
        moduleVersion === undefined ||
        release === undefined ||
        architecture === undefined ||
        kernelVersion === undefined
        ? []
        : [
            {
              ...{ suite, id, key, module, moduleVersion },
              ...{ release, architecture, kernelVersion, line, since },
            },
          ];
    }),
  );
}
