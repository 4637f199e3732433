import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { formatStanza } from '../../src/debian/control.ts';
import { runProgram } from '../../src/programs/run.ts';
import type { OwnPackage } from './small-archive.ts';

/** A file's content; the mode is 0755 for names that end in `.sh`. */
type Files = Readonly<Record<string, string>>;

/** Packs a folder with `DEBIAN/control`, and removes it. */
async function pack(tree: string, name: string): Promise<OwnPackage> {
  const file = `${tree}.deb`;
  await runProgram('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, file]);
  const deb = await fs.readFile(file);
  await fs.rm(tree, { recursive: true });
  await fs.rm(file);
  return { name, deb };
}

/**
 * Packs a package of the test's own.
 *
 * @param folder scratch folder
 * @param fields of its control file; maintainer and description may be left out
 * @param files by their path in the package
 */
export async function testPackage(
  folder: string,
  fields: Readonly<Record<string, string>> & { Package: string },
  files: Files = {},
): Promise<OwnPackage> {
  const name = fields.Package;
  const tree = await fs.mkdtemp(path.join(folder, `${name}-`));
  await fs.chmod(tree, 0o755);
  const control = formatStanza(
    Object.entries({
      Architecture: 'all',
      Maintainer: 'A Test <test@localhost.invalid>',
      Description: `${name} of a test`,
      ...fields,
    }),
  );
  for (const [at, content] of Object.entries({ ...files, 'DEBIAN/control': control })) {
    await fs.mkdir(path.dirname(path.join(tree, at)), { recursive: true });
    const mode = at.endsWith('.sh') ? 0o755 : 0o644;
    await fs.writeFile(path.join(tree, at), content, { mode });
  }
  return pack(tree, name);
}

/** Takes a package apart, lets it be changed, and packs it again. @param name its new name */
export async function repacked(
  folder: string,
  deb: Buffer,
  name: string,
  change: (tree: string) => Promise<void>,
): Promise<OwnPackage> {
  const file = path.join(folder, `${name}.deb`);
  const tree = path.join(folder, `${name}-tree`);
  await fs.writeFile(file, deb);
  await runProgram('dpkg-deb', ['-R', file, tree]);
  await change(tree);
  return pack(tree, name);
}

/** Changes a text file. */
export async function editFile(file: string, edit: (text: string) => string): Promise<void> {
  await fs.writeFile(file, edit(await fs.readFile(file, 'utf8')));
}

export interface DkmsSource {
  /** The module's name; the package is `<name>-dkms`. */
  name: string;
  version: string;
  /** More lines of its dkms.conf. */
  conf?: string;
  /** It does not compile for kernels whose release has this part. */
  failsOn?: string;
  /** More lines of its Kbuild, and of its C file. */
  kbuild?: string;
  code?: string;
  /** More files of the source. */
  files?: Files;
}

/** Packs `<name>-dkms`: one kernel module of that name, which builds in a second. */
export async function dkmsPackage(folder: string, source: DkmsSource): Promise<OwnPackage> {
  const { name, version } = source;
  const base = name.replaceAll('-', '_');
  const at = `usr/src/${name}-${version}`;
  const more: Record<string, string> = {};
  for (const [file, text] of Object.entries(source.files ?? {})) {
    more[`${at}/${file}`] = text;
  }
  return testPackage(
    folder,
    { Package: `${name}-dkms`, Version: version },
    {
      ...more,
      [`${at}/dkms.conf`]: [
        `PACKAGE_NAME=${name}`,
        `PACKAGE_VERSION=${version}`,
        `BUILT_MODULE_NAME[0]=${base}`,
        'DEST_MODULE_LOCATION[0]=/updates',
        source.conf ?? '',
        '',
      ].join('\n'),
      [`${at}/Kbuild`]: [
        `obj-m := ${base}.o`,
        ...(source.failsOn === undefined
          ? []
          : [`ccflags-$(if $(findstring ${source.failsOn},$(KERNELRELEASE)),y) += -DTOO_NEW`]),
        source.kbuild ?? '',
        '',
      ].join('\n'),
      [`${at}/${base}.c`]: `#include <linux/module.h>
#ifdef TOO_NEW
#error this kernel is too new
#endif
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("${name} of a test");
MODULE_VERSION("${version}");
${source.code ?? ''}
`,
    },
  );
}
