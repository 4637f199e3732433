import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';

export interface DebInput {
  name: string;
  version: string;
  architecture?: string;
  /** Further control lines, each ended. */
  extra?: string;
  /** What its one file says. */
  content?: string;
}

/** Builds a small package by dpkg-deb. @returns its path */
export function makeDeb(directory: string, input: DebInput): string {
  const { name, version, architecture = 'amd64', extra = '', content = version } = input;
  const id = `${name}_${version.replace(/^\d+:/, '')}_${architecture}`;
  const tree = path.join(
    directory,
    `${id}.tree-${Buffer.from(content).toString('hex').slice(0, 40)}`,
  );
  mkdirSync(path.join(tree, 'DEBIAN'), { recursive: true });
  mkdirSync(path.join(tree, 'usr/share/doc', name), { recursive: true });
  writeFileSync(path.join(tree, 'usr/share/doc', name, 'content'), content);
  writeFileSync(
    path.join(tree, 'DEBIAN/control'),
    `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\n` +
      `Maintainer: Nobody <nobody@localhost>\n${extra}` +
      'Description: package of a test\n Its second line.\n .\n And a third, after an empty one.\n',
  );
  const file = path.join(tree, `${id}.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', tree, file], {
    stdio: 'pipe',
    env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' },
  });
  return file;
}
