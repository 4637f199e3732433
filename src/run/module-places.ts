import type { PackageModule } from '../config/modules.ts';
import { isKernelPackage } from '../kernels/catalogue.ts';
import { byPackageName, type ModulePackage } from '../modules/find.ts';
import type { ArchiveIndices } from './indices.ts';

type Packages = ReadonlyMap<string, readonly ModulePackage[]>;

/** Where module packages are looked for. */
export class ModulePlaces {
  /** By the name of an archive or of a suite. */
  readonly #byName = new Map<string, Packages>();
  readonly #bases = new Map<string, readonly string[]>();

  constructor(read: readonly ArchiveIndices[]) {
    const archives = read.map(({ source: { group }, packages }) => ({
      group,
      modules: packages.filter((entry) => !isKernelPackage(entry.ref.name)),
    }));
    for (const { group, modules } of archives) {
      for (const [suite, entries] of Map.groupBy(modules, (entry) => entry.suite)) {
        this.#byName.set(suite, byPackageName(entries));
      }
      this.#bases.set(group.name, group.bases);
    }
    // An archive's own name counts before that of one of its suites.
    for (const { group, modules } of archives) {
      this.#byName.set(group.name, byPackageName(modules));
    }
  }

  /** The places for a module of a suite, in order of preference. */
  of({ from = ['own'], package: name }: PackageModule, suite: string): Packages[] {
    return from.flatMap((place) => {
      const names = place === 'own' ? [suite, ...(this.#bases.get(suite) ?? [])] : [place];
      const found = names.map((entry) => this.#byName.get(entry) ?? new Map());
      // A machine that uses backports has its own release's packages too, where backports have none.
      return found.filter((packages) => packages.has(name)).slice(0, 1);
    });
  }
}
