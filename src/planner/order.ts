import { compareText } from '../core/compare.ts';
import { compareVersions } from '../debian/version.ts';
import type { Kernel } from '../model/kernels.ts';
import type { Target } from '../model/plans.ts';
import { getOrMake } from './names.ts';

/**
 * Targets sorted by module, architecture, flavour and release, newest first. Kernels are compared once each, not once
 * a target.
 */
export function sortTargets(targets: Iterable<Target>): Target[] {
  const byName = new Map<string, Map<Kernel, Target[]>>();
  const kernels = new Set<Kernel>();
  for (const target of targets) {
    kernels.add(target.kernel);
    const byKernel = getOrMake(byName, target.module.name, () => new Map<Kernel, Target[]>());
    getOrMake(byKernel, target.kernel, (): Target[] => []).push(target);
  }
  const order = [...kernels].toSorted(compareKernels);
  const sorted: Target[] = [];
  for (const [, byKernel] of [...byName].toSorted(([a], [b]) => compareText(a, b))) {
    for (const kernel of order) {
      const versions = byKernel.get(kernel);
      if (versions !== undefined) {
        sorted.push(...versions.sort(compareTargets));
      }
    }
  }
  return sorted;
}

function compareKernels(a: Kernel, b: Kernel): number {
  return (
    compareText(a.architecture, b.architecture) ||
    compareText(a.flavour, b.flavour) ||
    compareVersions(b.release, a.release) ||
    compareVersions(b.version, a.version) ||
    compareText(b.release, a.release) ||
    compareText(b.version, a.version)
  );
}

function compareTargets(one: Target, other: Target): number {
  const { module: a } = one;
  const { module: b } = other;
  return (
    compareVersions(b.version, a.version) ||
    compareText(b.version, a.version) ||
    compareText(a.source.sha256, b.source.sha256) ||
    Number(a.initramfs) - Number(b.initramfs) ||
    compareText(one.key ?? '', other.key ?? '') ||
    compareText(one.withheld ?? '', other.withheld ?? '')
  );
}
