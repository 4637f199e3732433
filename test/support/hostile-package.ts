import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { runProgram } from '../../src/programs/run.ts';
import type { OwnPackage } from './small-archive.ts';

/** A DKMS package: what its source folder holds, and what else goes into its file. */
export interface HostileSource {
  /** Lines of the dkms.conf after name and version; one module `evil` when undefined. */
  conf?: string;
  /** What `make` runs, as a shell script; a module that builds when undefined. */
  make?: string;
  /** More files of the source folder; the ones that end in `.sh` are executable. */
  files?: Record<string, string>;
  /** Symbolic links in the package, by their path; one of the source folder's takes its place. */
  links?: Record<string, string>;
  /** Members of the data archive with these very names, each a file with its name as content. */
  members?: readonly string[];
}

const MODULE = `#include <linux/module.h>
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A module of a test");
`;

const BUILDS = 'make -C "$kernel_source_dir" M="$PWD" modules';

/** The dkms.conf of a package. */
function confOf(name: string, source: HostileSource): string {
  return [
    `PACKAGE_NAME=${name}`,
    'PACKAGE_VERSION=1.0',
    'MAKE[0]="bash ./attack.sh"',
    source.conf ?? 'BUILT_MODULE_NAME[0]=evil\nDEST_MODULE_LOCATION[0]=/updates',
    '',
  ].join('\n');
}

/** Packs `<name>-dkms` 1.0. @param folder scratch folder */
export async function hostilePackage(
  folder: string,
  name: string,
  source: HostileSource,
): Promise<OwnPackage> {
  const tree = path.join(folder, `${name}-tree`);
  const sources = path.join(tree, 'usr/src', `${name}-1.0`);
  const files: Record<string, string> = {
    'dkms.conf': confOf(name, source),
    'attack.sh': `${source.make ?? BUILDS}\n`,
    Kbuild: 'obj-m := evil.o\n',
    'evil.c': MODULE,
    ...source.files,
  };
  const links = source.links ?? {};
  const isLinked = Object.keys(links).some((at) => path.join(tree, at) === sources);
  const isParentLinked = 'usr/src' in links;
  if (!isLinked && !isParentLinked) {
    await fs.mkdir(sources, { recursive: true });
    for (const [file, content] of Object.entries(files)) {
      const mode = file.endsWith('.sh') ? 0o755 : 0o644;
      await fs.writeFile(path.join(sources, file), content, { mode });
    }
  }
  for (const [at, target] of Object.entries(links)) {
    await fs.mkdir(path.dirname(path.join(tree, at)), { recursive: true });
    await fs.symlink(target, path.join(tree, at));
  }
  const control = `Package: ${name}-dkms\nVersion: 1.0\nArchitecture: all\nMaintainer: A Test <test@localhost.invalid>\nDescription: ${name}\n`;
  await fs.mkdir(path.join(tree, 'DEBIAN'));
  await fs.writeFile(path.join(tree, 'DEBIAN/control'), control);
  const file = path.join(folder, `${name}.deb`);
  await runProgram('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, file]);
  if (source.members !== undefined) {
    await addMembers(file, source.members);
  }
  const deb = await fs.readFile(file);
  await fs.rm(tree, { recursive: true });
  return { name: `${name}-dkms`, deb };
}

/** Puts members into a `.deb`'s data archive that no packing tool would write. */
async function addMembers(deb: string, members: readonly string[]): Promise<void> {
  const scratch = `${deb}.members`;
  await fs.mkdir(scratch);
  await runProgram('ar', ['x', deb], { cwd: scratch });
  for (const member of members) {
    const content = path.join(scratch, 'content');
    await fs.writeFile(content, member);
    await runProgram(
      'tar',
      ['--append', '--absolute-names', '-f', 'data.tar', '--transform', `s|.*|${member}|`, content],
      { cwd: scratch },
    );
  }
  await fs.rm(deb);
  await runProgram('ar', ['rc', deb, 'debian-binary', 'control.tar', 'data.tar'], { cwd: scratch });
  await fs.rm(scratch, { recursive: true });
}
