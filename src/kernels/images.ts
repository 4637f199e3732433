import { parseRelations } from '../debian/relation.ts';
import { metapackageOf } from './metapackages.ts';
import type { IndexedPackage } from './scan.ts';
import type { PackageIndex } from './suite-index.ts';

const IMAGE = 'linux-image-';
const MODULES = 'linux-modules-';

/** The packages of one release that bring its image or modules, each list newest first. */
export interface ReleaseImages {
  /** `linux-image-<release>`: signed, or the only one where nothing is signed. */
  images: IndexedPackage[];
  /** `linux-image-<release>-unsigned` and `linux-modules-<release>`: there before the signed image is. */
  others: IndexedPackage[];
}

/** The names with some beginning that a package depends on. */
function dependsOn(entry: IndexedPackage, prefix: string): string[] {
  const field = entry.fields.get('Depends');
  return field?.includes(prefix) === true
    ? parseRelations(field)
        .flat()
        .map(({ name }) => name)
        .filter((name) => name.startsWith(prefix))
    : [];
}

/** The release in the name of a package that may be an image; debugging symbols and templates have none. */
function releaseIn(name: string): { release: string; prefix: string } | undefined {
  const prefix = [IMAGE, MODULES].find((start) => name.startsWith(start));
  if (prefix === undefined || !/^\d/.test(name.slice(prefix.length)) || name.endsWith('-dbg')) {
    return undefined;
  }
  return { release: name.slice(prefix.length).replace(/-unsigned$/, ''), prefix };
}

/**
 * The images of one published suite on one architecture by release. Packages that depend on another image (or other
 * modules) stand for it and are none themselves: metapackages, transitional packages.
 */
export function findImages(index: PackageIndex): Map<string, ReleaseImages> {
  const found = new Map<string, ReleaseImages>();
  for (const [name, versions] of index) {
    const parts = releaseIn(name);
    if (parts === undefined) {
      continue;
    }
    const { release, prefix } = parts;
    const entries = versions.filter(
      (entry) => metapackageOf(entry) === undefined && dependsOn(entry, prefix).length === 0,
    );
    if (entries.length === 0) {
      continue;
    }
    const { images, others } = found.get(release) ?? { images: [], others: [] };
    const isImage = name === `${IMAGE}${release}`;
    found.set(release, {
      images: isImage ? entries : images,
      others: isImage ? others : [...others, ...entries],
    });
  }
  return found;
}

/**
 * The package that brings the modules of a release, which module packages depend on: one of its own where the image is
 * split (also when only the image is left that asks for it), else the image.
 */
export function modulesPackageOf(release: string, carriers: readonly IndexedPackage[]): string {
  const modules = `${MODULES}${release}`;
  const isSplit = carriers.some(
    (entry) => entry.ref.name === modules || dependsOn(entry, MODULES).includes(modules),
  );
  return isSplit ? modules : `${IMAGE}${release}`;
}
