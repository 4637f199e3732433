import { compareVersions } from '../debian/version.ts';
import type { Target } from '../model/plans.ts';
import type { Outcome, TargetName } from '../model/timeline.ts';
import { modulePublications } from './module-publications.ts';
import type { Publications } from './schema.ts';

function targetId(name: TargetName): string {
  return `${kernelCell(name)}\0${name.moduleVersion}`;
}

/** A module × a kernel in a suite, whatever the module's version. */
function kernelCell({ suite, module, release, architecture, kernelVersion }: TargetName): string {
  return [suite, module, release, architecture, kernelVersion].join('\0');
}

/**
 * How targets fared since the outcomes that are noted. Pure; what it gives, once noted, is not given again.
 *
 * @param targets of a plan: what failed, and what stands where something failed
 * @param publications where the published packages are from, and since when
 * @param at ISO 8601, for what has no instant of its own
 */
export function newOutcomes(
  noted: readonly Outcome[],
  targets: readonly Target[],
  publications: Publications,
  at: string,
): Outcome[] {
  const published = new Set<string>();
  /** Module × kernel × suite → the version that fails. */
  const failing = new Map<string, string>();
  for (const outcome of noted) {
    if (outcome.type === 'published') {
      published.add(targetId(outcome));
    } else if (outcome.type === 'failed') {
      failing.set(kernelCell(outcome), outcome.moduleVersion);
    } else {
      failing.delete(kernelCell(outcome));
    }
  }
  const fresh = publicationsOf(publications).filter((outcome) => {
    const id = targetId(outcome);
    const isNew = !published.has(id);
    published.add(id);
    return isNew;
  });
  for (const target of targets) {
    const failure = failureOf(target, at);
    for (const suite of new Set([...target.suites, ...target.ahead])) {
      const name = nameOf(target, suite);
      const cell = kernelCell(name);
      const known = failing.get(cell);
      if (failure !== undefined && failure.moduleVersion !== known) {
        fresh.push({ type: 'failed', ...name, ...failure });
        failing.set(cell, failure.moduleVersion);
      } else if (failure === undefined && known !== undefined && isGood(target)) {
        fresh.push({ type: 'mended', ...name, at });
        failing.delete(cell);
      }
    }
  }
  return fresh;
}

function isGood({ verdict }: Target): boolean {
  return verdict === 'published' || verdict === 'built' || verdict === 'in-tree';
}

function nameOf({ module, kernel }: Target, suite: string): TargetName {
  return {
    ...{ suite, module: module.name, moduleVersion: module.version },
    ...{ release: kernel.release, architecture: kernel.architecture },
    kernelVersion: kernel.version,
  };
}

/** The newest version that fails to compile: the target's own, or one that was preferred to it. */
function failureOf(
  { verdict, module, reason, since, record, passedOver }: Target,
  at: string,
): { moduleVersion: string; reason: string; at: string; key?: string } | undefined {
  const own =
    verdict === 'failed'
      ? [
          {
            ...{ moduleVersion: module.version, reason, at: since },
            ...(record === undefined ? {} : { key: record.key }),
          },
        ]
      : [];
  const others = passedOver
    .filter((other) => other.verdict === 'failed')
    .map((other) => ({ moduleVersion: other.version, reason: other.reason, at }));
  return [...own, ...others].reduce<(typeof own)[number] | undefined>(
    (newest, failure) =>
      newest !== undefined && compareVersions(newest.moduleVersion, failure.moduleVersion) >= 0
        ? newest
        : failure,
    undefined,
  );
}

/** Every published module package, in the order of the file. */
function publicationsOf(publications: Publications): Outcome[] {
  return modulePublications(publications).map(
    ({ since, suite, module, moduleVersion, release, architecture, kernelVersion }): Outcome => {
      const name = { suite, module, moduleVersion, release, architecture, kernelVersion };
      return Object.assign(name, { type: 'published' as const, at: since });
    },
  );
}
