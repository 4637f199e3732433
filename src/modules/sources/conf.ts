import type { BuiltEntry } from '../../model/sources.ts';

/** What the configuration says of a source that has no dkms.conf of its own. */
export interface PlainSource {
  name: string;
  version: string;
  /** Command that builds it; kbuild's when undefined. */
  make: string | undefined;
  built: readonly BuiltEntry[];
}

/** One single-quoted word of bash. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** What kbuild's documentation (kbuild/modules.rst) has for external modules. */
const KBUILD = 'make -C $kernel_source_dir M=$PWD modules';

/**
 * The dkms.conf of a source that has none, so that all sources are built in one way. `make` is run by bash in the
 * source's folder, with `$kernelver`, `$kernel_source_dir` and `$arch` as dkms(8) has them.
 */
export function plainDkmsConf({ name, version, make, built }: PlainSource): string {
  return [
    '# Written by Lockstep, from its configuration.',
    `PACKAGE_NAME=${quoted(name)}`,
    `PACKAGE_VERSION=${quoted(version)}`,
    // Evaluated once more when the file is read: what it says of variables is for the build.
    `MAKE[0]=${quoted((make ?? KBUILD).replace(/[$`]/g, '\\$&'))}`,
    ...built.flatMap((entry, index) => [
      `BUILT_MODULE_NAME[${index}]=${quoted(entry.name)}`,
      `BUILT_MODULE_LOCATION[${index}]=${quoted(entry.location ?? '')}`,
      `DEST_MODULE_NAME[${index}]=${quoted(entry.installed ?? entry.name)}`,
      `DEST_MODULE_LOCATION[${index}]='/updates'`,
    ]),
    '',
  ].join('\n');
}
