import type { Target } from '../../model/plans.ts';
import type { Verdict } from '../../model/verdicts.ts';
import type { Publications } from '../schema.ts';

const KERNEL = { release: '6.12-amd64', architecture: 'amd64', version: '6.12-1' };

/** A target of the module `demo` in trixie. */
export function makeTarget(options: {
  verdict: Verdict;
  version?: string;
  reason?: string;
}): Target {
  const { verdict, version = '1', reason = 'a reason' } = options;
  return {
    module: {
      name: 'demo',
      version,
      source: {
        kind: 'directory',
        ...{ path: '/x', sha256: 'a'.repeat(64), architecture: 'all', size: 1 },
      },
      ...{ from: 'directory', provides: [], summary: '', component: 'main', homepage: undefined },
      ...{ initramfs: false, buildPackages: [], patches: [], withheld: undefined },
    },
    kernel: {
      ...KERNEL,
      ...{ abi: '6.12', flavour: 'amd64', source: 'linux', suites: ['trixie'], image: 'image' },
      ...{ provides: [], headers: undefined, unseenSince: undefined },
    },
    suites: ['trixie'],
    ...{ ahead: [], key: undefined, verdict, reason, cause: undefined, waitsFor: undefined },
    ...{
      builtOn: [],
      withheld: undefined,
      since: '2026-11-02T00:00:00.000Z',
      record: undefined,
      passedOver: [],
    },
  };
}

/** One module package for the same kernel, and a tracking package beside it. */
export function makePublications(
  suite: string,
  module: string,
  moduleVersion: string,
  since: string,
): Publications {
  const { release, architecture, version } = KERNEL;
  const entry = {
    ...{ version: moduleVersion, architecture, file: 'x/y.deb', sha256: 'a'.repeat(64), since },
    ...{ identity: 'b'.repeat(64), module, moduleVersion },
    kernel: `${release}/${architecture}/${version}`,
  };
  return {
    [suite]: {
      [`${module}-modules-${release}:${architecture}`]: { ...entry, kind: 'module' },
      [`${module}-modules-amd64:${architecture}`]: { ...entry, kind: 'tracking', track: 'amd64' },
    },
  };
}
