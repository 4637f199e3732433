import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Module } from '../model/modules.ts';
import type { SourcePackageRef } from '../model/packages.ts';
import { type DebContent, type DebFile, writeDeb } from './deb-tree.ts';
import { changelog, type LintianOverride, lintianOverrides } from './documents.ts';

/** Rises when the packager makes other packages of the same inputs. */
export const PACKAGER_VERSION = 4;

/** Stands in every changelog: a package is the same in all the suites that have its kernel. */
const DISTRIBUTION = 'unstable';

export interface PackagerOptions {
  /** Folder that gets a folder a package. */
  directory: string;
  maintainer: string;
  /** Of the repository, as its Release files have it. */
  origin: string;
  /**
   * What tracking packages ask for so that their machines follow the repository's keys: `name (>= version)`. Not before keys
   * have changed for the first time.
   */
  keyring?: string | undefined;
}

/** A package that was made. */
export interface MadePackage {
  name: string;
  source: string;
  version: string;
  architecture: string;
  /** Path of the `.deb`. */
  file: string;
}

/** What of a module can stand in its packages: not where its source lies, nor what only its build reads. */
export function withoutAddress(module: Module): unknown {
  return {
    ...module,
    source: { ...module.source, uri: undefined, path: undefined },
    ...{ from: undefined, buildPackages: undefined, patches: undefined, withheld: undefined },
  };
}

/** A maintainer script's text, with its `@PLACEHOLDERS@`; `.sh` need not be named. */
export const script = (name: string): string => {
  const file = name.includes('.') ? name : `${name}.sh`;
  return readFileSync(path.join(import.meta.dirname, 'maintainer', file), 'utf8');
};

/** @throws when a placeholder has no value */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/@(?<name>[A-Z_]+)@/g, (_all, name: string) => {
    const value = values[name];
    if (value === undefined) {
      throw new Error(`@${name}@ has no value`);
    }
    return value;
  });
}

/** A synopsis of less than 80 characters, also for long names (Policy 3.4.1). */
export function synopsis(module: Module, text: string): string {
  const whole = `${module.name} ${text}`;
  return whole.length < 80 ? whole : text;
}

/** The documents of a package: changelog, copyright, reasons for lintian. */
export function documents(
  name: string,
  version: string,
  epoch: number,
  change: string,
  options: PackagerOptions,
  { name: source, version: sourceVersion }: SourcePackageRef,
  copyright: Buffer | undefined,
  ...overrides: readonly LintianOverride[]
): DebFile[] {
  const { maintainer } = options;
  // A source version without a revision makes a native package, whose changelog has another name (Policy 12.7).
  const changelogName = sourceVersion.includes('-') ? 'changelog.Debian.gz' : 'changelog.gz';
  return [
    {
      at: `usr/share/doc/${name}/${changelogName}`,
      content: changelog({
        source,
        version,
        distribution: DISTRIBUTION,
        change,
        maintainer,
        epoch,
      }),
    },
    ...(copyright === undefined
      ? []
      : [{ at: `usr/share/doc/${name}/copyright`, content: copyright }]),
    {
      at: `usr/share/lintian/overrides/${name}`,
      content: lintianOverrides(name, overrides),
    },
  ];
}

/** Writes a package into the folder that its content names. */
export async function writePackage(
  name: string,
  version: string,
  architecture: string,
  content: DebContent,
  options: PackagerOptions,
): Promise<MadePackage> {
  const file = await writeDeb(path.join(options.directory, contentHash(content)), content);
  const field = content.control.find(([key]) => key === 'Source')?.[1] ?? name;
  const source = field.replace(/ .*/, '');
  return { name, source, version, architecture, file };
}

function contentHash(content: DebContent): string {
  return sha256(
    canonicalJson({
      ...content,
      files: content.files.map((file) => [
        ...[file.at, sha256(file.content)],
        ...(file.mode === undefined ? [] : [file.mode]),
      ]),
    }),
  );
}
