import { sha256 } from '../../core/hash.ts';
import type { BuildRecord } from '../../model/records.ts';

/** A record that could be real. */
export function makeRecord(name: string, more: Partial<BuildRecord> = {}): BuildRecord {
  return {
    key: sha256(name),
    module: name,
    moduleVersion: '1.0-1',
    release: '6.12.117+deb13-amd64',
    architecture: 'amd64',
    kernelVersion: '6.12.117-1',
    outcome: 'built',
    reason: `${name}.ko fits this kernel`,
    started: '2026-01-01T00:00:00.000Z',
    finished: '2026-01-01T00:01:00.000Z',
    seconds: 60.5,
    modules: [
      {
        file: `${name}.ko`,
        sha256: sha256(`content of ${name}`),
        size: 12,
        vermagic: '6.12.117+deb13-amd64 SMP preempt mod_unload modversions ',
        license: 'GPL',
        depends: ['videodev'],
      },
    ],
    compression: 'xz',
    modulesDirectory: '/usr/lib/modules',
    headersSource: 'linux (= 6.12.117-1)',
    initramfs: false,
    sourceDateEpoch: 1_700_000_000,
    inputs: sha256(`inputs of ${name}`),
    root: sha256('root'),
    attempts: 1,
    ...more,
  };
}
