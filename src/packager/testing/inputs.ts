import type { Kernel } from '../../model/kernels.ts';
import type { Module } from '../../model/modules.ts';
import type { PackageSource } from '../../model/sources.ts';
import type { BuildRecord } from '../../model/records.ts';

export const SOURCE: PackageSource = {
  kind: 'package',
  name: 'demo-dkms',
  version: '1:0.15.0-2',
  architecture: 'all',
  sha256: 'a'.repeat(64),
  size: 1,
  uri: 'http://mirror.example/demo.deb',
  source: 'demo-source',
  sourceVersion: '1:0.15.0-2',
};

/** The source package that it is built from. */
export const SOURCE_PACKAGE = { name: 'demo-source', version: '1:0.15.0-2' };

export const MODULE: Module = {
  name: 'demo',
  version: '1:0.15.0-2',
  source: SOURCE,
  summary: 'a module that demonstrates',
  component: 'main',
  homepage: 'https://example.org/demo',
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
  headers: undefined,
  source: 'linux',
  provides: [],
  unseenSince: undefined,
};

export const RECORD: BuildRecord = {
  key: 'b'.repeat(64),
  module: 'demo',
  moduleVersion: '1:0.15.0-2',
  release: KERNEL.release,
  architecture: 'amd64',
  kernelVersion: KERNEL.version,
  outcome: 'built',
  reason: 'demo.ko fits this kernel',
  started: '2026-01-01T00:00:00.000Z',
  finished: '2026-01-01T00:01:00.000Z',
  seconds: 60,
  modules: [
    {
      file: 'demo.ko',
      sha256: 'c'.repeat(64),
      size: 12,
      vermagic: `${KERNEL.release} SMP`,
      license: 'GPL',
      depends: [],
    },
  ],
  compression: 'xz',
  modulesDirectory: '/usr/lib/modules',
  headersSource: 'linux (= 6.12.117-1)',
  initramfs: false,
  sourceDateEpoch: 1_700_000_000,
  inputs: '',
  root: '',
  attempts: 1,
};
