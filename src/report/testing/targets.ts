import type { Target } from '../../model/plans.ts';
import type { Verdict } from '../../model/verdicts.ts';

/** A target as a plan has it. */
export function makeTarget(name: string, verdict: Verdict, reason = 'a reason'): Target {
  return {
    module: {
      name,
      version: '1.0-1',
      source: {
        kind: 'package',
        ...{ name: `${name}-dkms`, version: '1.0-1', architecture: 'all', sha256: 'a'.repeat(64) },
        ...{ size: 1, uri: 'http://mirror.example/x', source: name, sourceVersion: '1.0-1' },
      },
      summary: name,
      component: 'main',
      homepage: undefined,
      from: 'trixie',
      provides: [],
      initramfs: false,
      buildPackages: [],
      patches: [],
      withheld: undefined,
    },
    kernel: {
      release: '6.12.117+deb13-amd64',
      abi: '6.12.117+deb13',
      flavour: 'amd64',
      architecture: 'amd64',
      version: '6.12.117-1',
      suites: ['trixie', 'trixie-security'],
      image: 'linux-image-6.12.117+deb13-amd64',
      headers: undefined,
      source: 'linux',
      provides: [],
      unseenSince: undefined,
    },
    suites: ['trixie'],
    ahead: [],
    key: undefined,
    cause: undefined,
    builtOn: [],
    withheld: undefined,
    waitsFor: undefined,
    passedOver: [],
    verdict,
    reason,
    since: '2026-01-01T00:00:00.000Z',
    record: undefined,
  };
}
