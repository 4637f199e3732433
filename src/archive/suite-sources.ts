import * as fs from 'node:fs/promises';
import { LockstepError } from '../core/errors.ts';
import { DEBIAN_KEYRING, type MachineApt, requireMirror } from './machine.ts';
import type { ArchiveSource } from './private-root.ts';

/** Some suites read from one mirror; an entry of the configuration. */
export interface ArchiveEntry {
  suites: readonly string[];
  components: readonly string[];
  /** The machine's own mirror when undefined. */
  mirror?: string | undefined;
  /** Debian's keyring when undefined. */
  keyring?: string | undefined;
  checkValidUntil: boolean;
}

/** One suite of one mirror: what apt updates in one transaction. */
export interface SuiteSource {
  /** Base address as apt has it: encoded, with one slash at its end. */
  base: string;
  mirror: string;
  suite: string;
  components: readonly string[];
  keyring: string;
  checkValidUntil: boolean;
}

/** Base address of a mirror as apt prints it. */
export function baseOf(mirror: string): string {
  return `${encodeURI(mirror).replace(/\/*$/, '')}/`;
}

/** What names a suite of a mirror, whether or not the address has a password. */
export function suiteId({ base, suite }: { base: string; suite: string }): string {
  return `${base.replace(/^([^:]+:\/\/)[^/@]*@/, '$1').replace(/\/*$/, '')} ${suite}`;
}

/**
 * The suites of some entries, each once, with all components that are asked of it.
 *
 * @throws LockstepError MIRROR_UNKNOWN, ENVIRONMENT when a keyring is missing
 */
export async function suiteSources(
  entries: readonly ArchiveEntry[],
  machine: MachineApt,
): Promise<SuiteSource[]> {
  const sources = new Map<string, SuiteSource>();
  for (const entry of entries) {
    const keyring = entry.keyring ?? DEBIAN_KEYRING;
    await fs.access(keyring).catch((cause: unknown) => {
      throw new LockstepError('ENVIRONMENT', `the keyring ${keyring} can't be read`, {
        hint: 'apt-get install debian-archive-keyring, or name another `keyring`',
        cause,
      });
    });
    for (const suite of entry.suites) {
      const mirror = entry.mirror ?? requireMirror(suite, machine);
      const source = { base: baseOf(mirror), mirror, suite, keyring };
      const known = sources.get(suiteId(source));
      sources.set(suiteId(source), {
        ...source,
        keyring: known?.keyring ?? keyring,
        components: [...new Set([...(known?.components ?? []), ...entry.components])],
        checkValidUntil: (known?.checkValidUntil ?? true) && entry.checkValidUntil,
      });
    }
  }
  return [...sources.values()];
}

/** As the `.sources` file of a root has it. */
export function archiveSourceOf(
  source: SuiteSource,
  architecture: string,
  type: ArchiveSource['type'] = 'deb',
): ArchiveSource {
  return {
    mirror: source.mirror,
    suites: [source.suite],
    components: source.components,
    architectures: [architecture],
    keyring: source.keyring,
    checkValidUntil: source.checkValidUntil,
    type,
  };
}
