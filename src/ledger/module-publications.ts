import type { ModulePublication } from '../model/publications.ts';
import type { Publications } from './schema.ts';

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
