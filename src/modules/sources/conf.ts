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

/**
 * The dkms.conf of a source that has none, so that all sources are built in one way. As in every dkms.conf, `make` may
 * use `$kernelver`, `$kernel_source_dir` and so on.
 */
export function plainDkmsConf({ name, version, make, built }: PlainSource): string {
  const kbuild = `make -C \${kernel_source_dir} M=\${dkms_tree}/${name}/${version}/build modules`;
  return [
    '# Written by Lockstep, from its configuration.',
    `PACKAGE_NAME=${quoted(name)}`,
    `PACKAGE_VERSION=${quoted(version)}`,
    `MAKE[0]=${quoted(make ?? kbuild)}`,
    ...built.flatMap((entry, index) => [
      `BUILT_MODULE_NAME[${index}]=${quoted(entry.name)}`,
      `BUILT_MODULE_LOCATION[${index}]=${quoted(entry.location ?? '')}`,
      `DEST_MODULE_NAME[${index}]=${quoted(entry.installed ?? entry.name)}`,
      `DEST_MODULE_LOCATION[${index}]='/updates'`,
    ]),
    '',
  ].join('\n');
}
