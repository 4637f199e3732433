import { linesOf } from './log.ts';

/** Debian packages of programs and headers that builds of kernel modules ask for. */
const PACKAGES: Readonly<Record<string, string>> = {
  bc: 'bc',
  bison: 'bison',
  clang: 'clang',
  cpio: 'cpio',
  file: 'file',
  flex: 'flex',
  gawk: 'gawk',
  git: 'git',
  iptables: 'iptables',
  lsb_release: 'lsb-release',
  openssl: 'openssl',
  pahole: 'pahole',
  perl: 'perl',
  'pkg-config': 'pkg-config',
  python3: 'python3-minimal',
  rsync: 'rsync',
  xxd: 'xxd',
  'dwarf.h': 'libdw-dev',
  'gelf.h': 'libelf-dev',
  'libelf.h': 'libelf-dev',
  'openssl/opensslv.h': 'libssl-dev',
  'xtables.h': 'libxtables-dev',
  'zlib.h': 'zlib1g-dev',
};

const MISSING: readonly RegExp[] = [
  /(?:^|[:\s])(?<what>[\w+.-]+): (?:command )?not found$/,
  /^make(?:\[\d+\])?: (?<what>[\w+.-]+): No such file or directory$/,
  /^env: '?(?<what>[\w+.-]+)'?: No such file or directory$/,
];

/** A header of the build machine's own, not of the kernel: only those that are known. */
const HEADER = /fatal error: (?<what>[\w+./-]+\.h): No such file or directory$/;

/**
 * Says which package a failed build lacks, when its log looks so.
 *
 * @param text a build's log, or its end
 * @returns a sentence with what to do; undefined when the log tells of no missing program
 */
export function missingTool(text: string): string | undefined {
  for (const line of linesOf(text)) {
    const header = HEADER.exec(line)?.groups?.['what'];
    const known = header === undefined ? undefined : PACKAGES[header];
    if (header !== undefined && known !== undefined) {
      return `${header} is missing: add ${known} to the module's buildPackages`;
    }
    for (const pattern of MISSING) {
      const what = pattern.exec(line)?.groups?.['what'];
      if (what !== undefined) {
        const name = PACKAGES[what] ?? `the package that brings ${what}`;
        return `${what} is missing: add ${name} to the module's buildPackages`;
      }
    }
  }
  return undefined;
}
