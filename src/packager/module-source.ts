import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Module, ModulePatch } from '../model/modules.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import { sourceLabel } from '../model/sources.ts';
import { recipeHash, recipeScripts } from '../programs/recipe.ts';
import type { DebFile } from './deb-tree.ts';
import {
  type OwnSource,
  SOURCE_FORMAT,
  sourceVersion,
  writeSourcePackage,
} from './source-package.ts';
import { sourceName } from './versions.ts';

/** The script that builds by hand. */
const BUILD = readFileSync(path.join(import.meta.dirname, 'source/build'), 'utf8');

/** Folder of the source package that has what the build root had of the module. */
const TREE = 'source';

/** How modules are built, for people: Lockstep's own scripts and one that calls them. */
function recipeFiles(): DebFile[] {
  return [...recipeScripts(), { name: 'build', content: BUILD }].map(({ name, content }) => ({
    at: `recipe/${name}`,
    content,
    mode: 0o755,
  }));
}

/** The source package of the recipe alone, beside source packages that are Debian's own. */
export function recipeSource(): OwnSource {
  return {
    ...{ name: 'lockstep-recipe', version: '1' },
    change: 'The scripts that build modules in this repository.',
    summary: 'scripts that build kernel modules from DKMS sources',
    readme: RECIPE_README,
    copyright: COPYRIGHT,
    files: recipeFiles(),
    epoch: EPOCH,
  };
}

/** Seconds since 1970 of what has no date: 2000-01-01, as for source folders. */
const EPOCH = 946_684_800;

const COPYRIGHT = readFileSync(path.join(import.meta.dirname, '../../guard/copyright'));

const RECIPE_README = `These scripts built the kernel modules of this repository, in a sandbox without network: evaluate.bash reads a
dkms.conf, build.bash builds; the others stand in for programs during the build.

By hand: put the source that a module package names (apt-get source PACKAGE) where its DKMS package has it, or unpack
the DKMS package, and run

    recipe/build RELEASE OUTPUT /usr/src/NAME-VERSION

as root in a throw-away container that has the packages listed in the module package's .buildinfo.
`;

const MODULE_README = `source/    what the build root had of the module: source/usr/src has the tree that was built
patches/   what the repository's configuration adds to it, applied in the order of patches/series, after the patches
           that the dkms.conf names
recipe/    the scripts that built it

By hand, as root in a throw-away container that has the packages listed in the module package's .buildinfo:

    recipe/build RELEASE OUTPUT
`;

export interface ModuleSourceInputs {
  module: Module;
  /** Those of the configuration's patches that are for the kernel, in order. */
  patches: readonly ModulePatch[];
  maintainer: string;
}

/**
 * Name and version of the source package that is made of a module's source. Builds that begin with the same source and
 * the same patches have the same one, whatever their kernel.
 */
export function moduleSource({
  module,
  patches,
  maintainer,
}: ModuleSourceInputs): SourcePackageRef {
  const identity = sha256(
    canonicalJson({
      format: SOURCE_FORMAT,
      recipe: [recipeHash(), sha256(BUILD)],
      module: [module.name, module.version, module.homepage ?? ''],
      source: module.source.sha256,
      patches: patches.map((patch) => [patch.name, patch.sha256]),
      maintainer,
    }),
  );
  return { name: sourceName(module.name), version: sourceVersion(module.version, identity) };
}

export interface ModuleSourceFiles {
  /** The unpacked source, as builds have it. Untrusted. */
  unpacked: string;
  /** Name of its folder below `usr/src`. */
  folder: string;
  copyright: Uint8Array | undefined;
  /** The patches' contents under the names that the build gives them. */
  patches: readonly { name: string; content: Uint8Array }[];
  /** Seconds since 1970: the newest file of the source. */
  epoch: number;
}

/**
 * Makes the source package of a module.
 *
 * @param directory of its own
 * @returns the path of the `.dsc`
 */
export function writeModuleSource(
  directory: string,
  inputs: ModuleSourceInputs,
  found: ModuleSourceFiles,
): Promise<string> {
  const { module, maintainer } = inputs;
  const { name, version } = moduleSource(inputs);
  return writeSourcePackage(
    directory,
    {
      ...{ name, maintainer, homepage: module.homepage, binary: name },
      change: `Source of ${module.name} ${module.version}: ${sourceLabel(module.source)}.`,
      summary: `kernel module ${module.name}`,
      readme: MODULE_README,
      copyright: found.copyright,
      files: [
        ...recipeFiles(),
        // Read by a shell.
        { at: 'recipe/settings', content: `folder='${found.folder.replaceAll("'", "'\\''")}'\n` },
        { at: 'patches/series', content: found.patches.map((patch) => `${patch.name}\n`).join('') },
        ...found.patches.map((patch) => ({ at: `patches/${patch.name}`, content: patch.content })),
      ],
      trees: { [TREE]: found.unpacked },
      epoch: found.epoch,
    },
    version,
  );
}
