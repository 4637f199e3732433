import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { sha256 } from '../../core/hash.ts';

/** Writes a source package whose tarball is any bytes. @returns the path of its `.dsc` */
export function makeSource(
  directory: string,
  { name, version, content = version }: { name: string; version: string; content?: string },
): string {
  const folder = path.join(directory, `source-${name}-${version}-${content}`);
  mkdirSync(folder, { recursive: true });
  const tarball = `${name}_${version}.tar.xz`;
  writeFileSync(path.join(folder, tarball), content);
  const dsc = path.join(folder, `${name}_${version}.dsc`);
  writeFileSync(
    dsc,
    `Format: 3.0 (native)\nSource: ${name}\nBinary: ${name}\nArchitecture: any\nVersion: ${version}\n` +
      `Maintainer: Nobody <nobody@localhost>\nChecksums-Sha256:\n ${sha256(content)} ${content.length} ${tarball}\n`,
  );
  return dsc;
}
