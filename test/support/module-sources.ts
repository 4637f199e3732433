import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { runProgram } from '../../src/programs/run.ts';

/** The C text of a module that does nothing. */
export function moduleText(description = 'A module of a test'): string {
  return `#include <linux/module.h>
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("${description}");
`;
}

/** A patch that changes the description of such a module. */
export function descriptionPatch(file: string, from: string, to: string): string {
  return `--- a/${file}
+++ b/${file}
@@ -1,3 +1,3 @@
 #include <linux/module.h>
 MODULE_LICENSE("GPL");
-MODULE_DESCRIPTION("${from}");
+MODULE_DESCRIPTION("${to}");
`;
}

/** Writes files below a folder, which is made. */
export async function writeTree(folder: string, files: Record<string, string>): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  for (const [at, content] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(folder, at)), { recursive: true });
    await fs.writeFile(path.join(folder, at), content);
  }
}

/** The files of a source with a dkms.conf, of one module. */
export function dkmsFiles(name: string, version: string): Record<string, string> {
  return {
    'dkms.conf': `PACKAGE_NAME="${name}"\nPACKAGE_VERSION="${version}"\nBUILT_MODULE_NAME[0]="${name}"\nDEST_MODULE_LOCATION[0]="/updates"\nMAKE[0]="make -C \${kernel_source_dir} M=\${dkms_tree}/${name}/\${PACKAGE_VERSION}/build"\n`,
    Kbuild: `obj-m := ${name}.o\n`,
    [`${name}.c`]: moduleText(),
  };
}

/** git in a repository of the test's own, with a fixed identity and date. */
export async function git(folder: string, ...args: string[]): Promise<string> {
  const date = '2026-02-03T04:05:06Z';
  const { stdout } = await runProgram('git', ['-c', 'init.defaultBranch=main', ...args], {
    cwd: folder,
    env: {
      ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      ...{ GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@localhost.invalid', GIT_AUTHOR_DATE: date },
      ...{ GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@localhost.invalid' },
      GIT_COMMITTER_DATE: date,
    },
  });
  return stdout.trim();
}

/** Makes a folder a repository with one commit and a tag on it. @returns the commit */
export async function commitAll(folder: string, tag: string): Promise<string> {
  await git(folder, 'init', '--quiet');
  await git(folder, 'add', '--all');
  await git(folder, 'commit', '--quiet', '--message', 'a commit');
  await git(folder, 'tag', '--force', tag);
  return git(folder, 'rev-parse', 'HEAD');
}

/** A member of a tar archive that no packing tool would write. */
export interface TarMember {
  name: string;
  /** As ustar has it: 0 file, 1 hard link, 2 symbolic link, 3 device, 5 folder, 6 pipe. */
  type?: string;
  link?: string;
  content?: string;
  /** Said in the header, whatever the content is. */
  size?: number;
  mode?: number;
}

/** A tar archive (ustar) of such members. */
export function tarOf(members: readonly TarMember[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { name, type = '0', link = '', content = '', size, mode = 0o644 } of members) {
    const body = Buffer.from(content);
    const header = Buffer.alloc(512);
    const octal = (value: number, at: number, length: number): void => {
      header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
    };
    header.write(name, 0, 'latin1');
    octal(mode, 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(size ?? body.length, 124, 12);
    octal(1_700_000_000, 136, 12);
    header.write('        ', 148, 'latin1');
    header.write(type, 156, 'latin1');
    header.write(link, 157, 'latin1');
    header.write('ustar\u000000', 257, 'latin1');
    octal(1, 329, 8);
    octal(3, 337, 8);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    blocks.push(header, body, Buffer.alloc((512 - (body.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
