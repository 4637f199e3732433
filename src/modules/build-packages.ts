import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseRelations } from '../debian/relation.ts';

const FILE = path.join(import.meta.dirname, 'build-packages.yaml');

const knownSchema = z.record(z.string(), z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/)));

let known: ReadonlyMap<string, readonly string[]> | undefined;

/** What `build-packages.yaml` says: module name → Debian packages. */
export function knownBuildPackages(): ReadonlyMap<string, readonly string[]> {
  known ??= new Map(Object.entries(knownSchema.parse(parse(readFileSync(FILE, 'utf8')))));
  return known;
}

/**
 * Dependencies of DKMS packages that are for the machine they are installed on, not for a build: what drives DKMS,
 * kernels and their headers, questions at the installation, accounts, and the user-space half of a display driver.
 */
const NOT_FOR_BUILDS =
  /^(dkms|c?debconf(-.+)?|linux-.+|kmod|module-init-tools|initramfs-tools|adduser|ucf|lsb-(base|release)|firmware-.+|nvidia-.+|udev|sysvinit-utils|xserver-.+)$/;

export interface BuildPackagesRequest {
  /** The module's name. */
  name: string;
  /** What the configuration names. */
  configured?: readonly string[] | undefined;
  /** The `Depends` field of the module's package; undefined for other sources. */
  depends?: string | undefined;
}

/**
 * The Debian packages that a module's build needs beside compiler and headers: what the configuration names, what is
 * known of the module, and what its own package depends on. Of alternatives the first counts, as for apt.
 *
 * @returns names, sorted, each once
 */
export function buildPackagesOf({ name, configured, depends }: BuildPackagesRequest): string[] {
  const needed = parseRelations(depends)
    .flatMap((alternatives) => alternatives.slice(0, 1))
    .map((relation) => relation.name)
    .filter((dependency) => !NOT_FOR_BUILDS.test(dependency));
  return [
    ...new Set([...(configured ?? []), ...(knownBuildPackages().get(name) ?? []), ...needed]),
  ].toSorted();
}
