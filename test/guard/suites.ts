/** The suites that the matrix runs in, and the stand-in kernels that each of them has. */
export const SUITES = ['bookworm', 'trixie', 'sid'] as const;

export type SuiteName = (typeof SUITES)[number];

/**
 * How kernels are called in cells: the machine comes with `A`; `N` is A's ABI in a new revision; `B` and `C` are the next
 * ones; `P` is the one of backports.
 */
export type Letter = 'A' | 'N' | 'B' | 'C' | 'P';

/** All of one kernel is in one package, or its parts have packages of their own. */
type Layout = 'whole' | 'split';

export interface StandIn {
  /** The release without its flavour. */
  abi: string;
  version: string;
  layout: Layout;
}

/** The fields of a Release file by which apt, its pins and unattended-upgrades tell suites apart. */
export interface Archive {
  origin: string;
  label: string;
  suite: string;
  codename: string;
  backports?: boolean;
}

export interface Suite {
  kernels: Readonly<Record<Letter, StandIn>>;
  archives: Readonly<Record<'debian' | 'security' | 'backports', Archive>>;
}

function whole(abi: string, version: string): StandIn {
  return { abi, version, layout: 'whole' };
}

function split(abi: string, version: string): StandIn {
  return { abi, version, layout: 'split' };
}

function archives(codename: string, suite: string): Suite['archives'] {
  return {
    debian: { origin: 'Debian', label: 'Debian', suite, codename },
    security: {
      origin: 'Debian',
      label: 'Debian-Security',
      suite: `${suite}-security`,
      codename: `${codename}-security`,
    },
    backports: {
      origin: 'Debian Backports',
      label: 'Debian Backports',
      suite: `${suite}-backports`,
      codename: `${codename}-backports`,
      backports: true,
    },
  };
}

export const STAND_INS: Readonly<Record<SuiteName, Suite>> = {
  bookworm: {
    kernels: {
      A: whole('6.1.0-55', '6.1.190-1'),
      N: whole('6.1.0-55', '6.1.190-2'),
      B: whole('6.1.0-56', '6.1.192-2'),
      C: whole('6.1.0-57', '6.1.195-1'),
      P: whole('6.12.95+deb12', '6.12.95-1~bpo12+1'),
    },
    archives: archives('bookworm', 'oldstable'),
  },
  trixie: {
    kernels: {
      A: whole('6.12.117+deb13', '6.12.117-1'),
      N: whole('6.12.117+deb13', '6.12.117-2'),
      B: whole('6.12.118+deb13', '6.12.118-1'),
      C: whole('6.12.119+deb13', '6.12.119-1'),
      P: split('7.3.4+deb13', '7.3.4-1~bpo13+1'),
    },
    archives: archives('trixie', 'stable'),
  },
  sid: {
    kernels: {
      A: split('7.2.12+deb14', '7.2.12-1'),
      N: split('7.2.12+deb14', '7.2.12-2'),
      B: split('7.2.13+deb14', '7.2.13-1'),
      C: split('7.2.14+deb14', '7.2.14-1'),
      P: split('7.3.4+deb14', '7.3.4-1~exp1'),
    },
    archives: archives('sid', 'unstable'),
  },
};

/** The flavours that every stand-in kernel has on amd64. */
export const FLAVOURS = ['amd64', 'cloud-amd64', 'rt-amd64'] as const;

/** The one flavour that it has on i386. */
export const I386_FLAVOUR = '686-pae';

export function releaseOf(suite: SuiteName, letter: Letter, flavour = 'amd64'): string {
  return `${STAND_INS[suite].kernels[letter].abi}-${flavour}`;
}
