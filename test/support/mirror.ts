import { DEBIAN_KEYRING, readMachineApt, requireMirror } from '../../src/archive/machine.ts';
import { formatStanza } from '../../src/debian/control.ts';

/** How this machine reaches Debian's archive, as its own apt is configured; no host is named anywhere else. */
export interface DebianAccess {
  /** Base address of the mirror that serves a suite; security suites have their own. */
  mirrorOf(suite: string): string;
  /** The keyring as the package debian-archive-keyring installs it, here and in a root. */
  keyring: string;
  /** Lines for an apt.conf: proxies, time-outs and TLS settings that it takes to get to the mirrors. */
  transport: readonly string[];
}

/** @throws LockstepError MIRROR_UNKNOWN, from `mirrorOf`, when the machine's apt names no Debian mirror */
export async function debianAccess(): Promise<DebianAccess> {
  const machine = await readMachineApt();
  return {
    mirrorOf: (suite) => requireMirror(suite, machine),
    keyring: DEBIAN_KEYRING,
    transport: machine.transport,
  };
}

/** The suites that an ordinary machine of a release reads: the release, its updates and its security. */
export function usualSuites(codename: string): string[] {
  return codename === 'sid' ? ['sid'] : [codename, `${codename}-updates`, `${codename}-security`];
}

/**
 * The `.sources` file (deb822, sources.list(5)) for some suites of Debian, on amd64. A mirror that lags behind
 * is good enough for tests: Release files past their Valid-Until are taken.
 */
export function debianSources(
  access: DebianAccess,
  suites: readonly string[],
  components: readonly string[],
): string {
  return suites
    .map((suite) =>
      formatStanza([
        ['Types', 'deb'],
        ['URIs', access.mirrorOf(suite)],
        ['Suites', suite],
        ['Components', components.join(' ')],
        ['Architectures', 'amd64'],
        ['Signed-By', access.keyring],
        ['Check-Valid-Until', 'no'],
      ]),
    )
    .join('\n');
}
