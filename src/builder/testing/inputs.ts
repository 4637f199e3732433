import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { sha256 } from '../../core/hash.ts';
import type { Kernel } from '../../model/kernels.ts';
import type { Module } from '../../model/modules.ts';
import type { PackageRef } from '../../model/packages.ts';
import type { PackageSource } from '../../model/sources.ts';

export function makeRef(name: string, content = name): PackageRef {
  return {
    name,
    version: '1.0-1',
    architecture: 'amd64',
    sha256: sha256(content),
    size: 1000,
    uri: `http://mirror.example/${name}.deb`,
    source: name,
    sourceVersion: '1.0-1',
  };
}

export const SOURCE: PackageSource = { kind: 'package', ...makeRef('demo-dkms') };

export const MODULE: Module = {
  name: 'demo',
  version: '1.0-1',
  source: SOURCE,
  summary: 'demo',
  component: 'main',
  homepage: undefined,
  from: 'trixie',
  provides: [],
  initramfs: false,
  buildPackages: [],
  patches: [],
  withheld: undefined,
};

export const KERNEL: Kernel = {
  release: '6.12.117+deb13-amd64',
  abi: '6.12.117+deb13',
  flavour: 'amd64',
  architecture: 'amd64',
  version: '6.12.117-1',
  suites: ['trixie'],
  image: 'linux-image-6.12.117+deb13-amd64',
  headers: {
    packages: ['linux-headers-6.12.117+deb13-amd64', 'linux-headers-6.12.117+deb13-common'].map(
      (name) => makeRef(name),
    ),
    tools: [makeRef('linux-kbuild-6.12.117+deb13')],
    missing: undefined,
    requires: [],
    suite: 'trixie',
  },
  source: 'linux',
  provides: [],
  unseenSince: undefined,
};

/** A small `.deb` with some files. @returns its reference, as an index would have it */
export function makeDeb(folder: string, name: string, files: Record<string, string>): PackageRef {
  const tree = path.join(folder, 'trees', name);
  mkdirSync(path.join(tree, 'DEBIAN'), { recursive: true });
  writeFileSync(
    path.join(tree, 'DEBIAN/control'),
    `Package: ${name}\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\nDescription: x\n`,
  );
  for (const [at, content] of Object.entries(files)) {
    mkdirSync(path.join(tree, path.dirname(at)), { recursive: true });
    writeFileSync(path.join(tree, at), content);
    chmodSync(path.join(tree, at), at.includes('bin/') ? 0o755 : 0o444);
  }
  chmodSync(path.join(tree, 'DEBIAN'), 0o755);
  const ref = makeRef(name);
  const deb = path.join(folder, `${ref.sha256}.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, deb]);
  return ref;
}
