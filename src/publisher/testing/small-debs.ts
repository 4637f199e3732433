import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { arMember, tarOf } from './archives.ts';

/** Writes a package of one file without dpkg-deb: thousands of them in a second. @returns its path */
export function writeSmallDeb(
  directory: string,
  { name, architecture, version = '1-1' }: { name: string; architecture: string; version?: string },
): string {
  const control =
    `Package: ${name}\nSource: small\nVersion: ${version}\nArchitecture: ${architecture}\n` +
    'Maintainer: Nobody <nobody@localhost>\nSection: kernel\nDescription: package of a test\n';
  const pack = (files: Parameters<typeof tarOf>[0]): Buffer => gzipSync(tarOf(files), { level: 1 });
  const file = path.join(directory, `${name}_${version}_${architecture}.deb`);
  writeFileSync(
    file,
    Buffer.concat([
      Buffer.from('!<arch>\n'),
      arMember('debian-binary', Buffer.from('2.0\n')),
      arMember('control.tar.gz', pack([['./control', control]])),
      arMember('data.tar.gz', pack([[`./usr/lib/${name}/${version}`, 'content\n']])),
    ]),
  );
  return file;
}
