import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { runProgram } from '../../src/programs/run.ts';
import type { SteerableMirror } from './steerable-mirror.ts';

/**
 * Makes a source package (3.0 quilt) as Debian's maintainers do, by dpkg-source, and puts its files on a mirror.
 *
 * @param folder scratch folder
 * @param files of the upstream tree
 * @returns the index of sources with it, by apt-ftparchive, and the text of its `.dsc`
 */
export async function testSource(
  mirror: SteerableMirror,
  folder: string,
  { name, upstream, files }: { name: string; upstream: string; files: Record<string, string> },
): Promise<{ index: string; dsc: string }> {
  const top = path.join(folder, 'source-pool');
  const pool = path.join(top, 'pool/source');
  const tree = path.join(pool, `${name}-${upstream}`);
  const write = async (more: Record<string, string>): Promise<void> => {
    for (const [at, content] of Object.entries(more)) {
      await fs.mkdir(path.dirname(path.join(tree, at)), { recursive: true });
      await fs.writeFile(path.join(tree, at), content);
    }
  };
  await write(files);
  const tarball = path.join(pool, `${name}_${upstream}.orig.tar.xz`);
  await runProgram('tar', ['-cJf', tarball, '-C', pool, path.basename(tree)]);
  const maintainer = 'A Test <test@localhost.invalid>';
  const date = 'Sat, 01 Aug 2026 00:00:00 +0000';
  await write({
    'debian/changelog': `${name} (${upstream}-1) unstable; urgency=low\n\n  * x\n\n -- ${maintainer}  ${date}\n`,
    'debian/control': `Source: ${name}\nMaintainer: ${maintainer}\n\nPackage: ${name}\nArchitecture: all\nDescription: x\n`,
    'debian/source/format': '3.0 (quilt)\n',
    'debian/patches/series': '',
  });
  await runProgram('dpkg-source', ['-b', path.basename(tree)], { cwd: pool });
  await fs.rm(tree, { recursive: true });
  for (const file of await fs.readdir(pool)) {
    mirror.put(`pool/source/${file}`, await fs.readFile(path.join(pool, file)));
  }
  const { stdout } = await runProgram('apt-ftparchive', ['sources', 'pool'], { cwd: top });
  const dsc = await fs.readFile(path.join(pool, `${name}_${upstream}-1.dsc`), 'utf8');
  return { index: stdout, dsc };
}
