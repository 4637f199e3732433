import { parseArgs } from 'node:util';

/** What a call of the comparison asks for. */
export interface ParityOptions {
  suite: string;
  /** A kernel release, a flavour, or `all` for the newest kernel of every flavour. */
  release: string;
  /** Only these packages; all of the suite when empty. */
  packages: string[];
  json: boolean;
  /** Runs DKMS, not Lockstep. */
  dkmsOnly: boolean;
  /** Runs Lockstep, not DKMS. */
  lockstepOnly: boolean;
  /** Builds again what has a result. */
  again: boolean;
  /** Passes over the packages whose builds take minutes. */
  light: boolean;
  help: boolean;
}

export const USAGE = `usage: npm run parity -- SUITE [RELEASE] [PACKAGE...]

Builds every DKMS package of a suite of Debian for a kernel with DKMS and with Lockstep, and prints where they differ.
Results are kept in docs/parity/ and not made again while packages, kernel and DKMS stay the same; logs in out/parity/.

  SUITE            trixie, bookworm, sid ...; its updates and security are read too
  RELEASE          a kernel release, a flavour (its newest kernel), or \`all\`; amd64 unless given
  PACKAGE          only these packages
  --dkms-only      run DKMS, not Lockstep
  --lockstep-only  run Lockstep, not DKMS
  --again          build again what has a result
  --light          leave out what takes a core for minutes (zfs, openafs, nvidia ...)
  --json           print the results as JSON
  --help           print this

Exit status: 0 no difference, 1 some differences, 2 wrong usage, 3 something else went wrong
`;

/** @throws Error when the arguments make no sense */
export function parseOptions(args: readonly string[]): ParityOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'dkms-only': { type: 'boolean', default: false },
      'lockstep-only': { type: 'boolean', default: false },
      again: { type: 'boolean', default: false },
      light: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [suite = '', ...rest] = positionals;
  const isPackage = (name: string | undefined): boolean => name?.endsWith('-dkms') === true;
  const release = isPackage(rest[0]) ? undefined : rest.shift();
  if (suite === '' && !values.help) {
    throw new Error('a suite is missing');
  }
  if (values['dkms-only'] && values['lockstep-only']) {
    throw new Error('--dkms-only and --lockstep-only leave nothing to run');
  }
  return {
    suite,
    release: release ?? 'amd64',
    packages: rest,
    json: values.json,
    dkmsOnly: values['dkms-only'],
    lockstepOnly: values['lockstep-only'],
    again: values.again,
    light: values.light,
    help: values.help,
  };
}
