import { compareText } from '../core/compare.ts';
import type { Target } from '../model/plans.ts';
import { isUsable, type Judge } from './judge.ts';

/**
 * What depends on all the suites that a target is for.
 *
 * @param publishedIn suites in which the target's record is published → since when (ISO 8601)
 */
export function finishTarget(
  target: Target,
  publishedIn: ReadonlyMap<string, string> | undefined,
  judge: Judge,
): void {
  sortNames(target);
  if (target.verdict === 'queued') {
    judge.explain(target);
    if (target.suites.length === 0 && target.ahead.length > 0) {
      target.reason += `, ahead of ${target.ahead.join(', ')}`;
    }
    if (target.waitsFor !== undefined) {
      target.reason += `; ${target.waitsFor}`;
    }
    if (target.withheld !== undefined) {
      target.reason += `; it will not be published: ${target.withheld}`;
    }
  } else if (target.verdict === 'built' && target.withheld !== undefined) {
    const isOut = publishedIn === undefined || publishedIn.size === 0;
    target.reason = `built; not published: ${target.withheld}${isOut ? '' : '; the next run takes it out'}`;
  } else if (target.verdict === 'built' && target.suites.length > 0) {
    finishBuilt(target, publishedIn);
  } else if (target.verdict === 'built' && target.ahead.length > 0) {
    target.reason += `; ready for ${target.ahead.join(', ')} before the kernel is there`;
  }
  if (target.passedOver.length > 0 && isUsable(target)) {
    const others = target.passedOver.map(
      ({ from, version, verdict }) => `${from}'s ${version} is ${verdict}`,
    );
    target.reason += `; ${target.module.from}'s ${target.module.version} is used since ${others.join(', ')}`;
  }
  if (target.kernel.unseenSince !== undefined) {
    target.reason += `; the kernel is not seen since ${target.kernel.unseenSince.slice(0, 16)}Z: its index can't be read`;
  }
}

function sortNames(target: Target): void {
  if (target.suites.length > 1) {
    target.suites.sort(compareText);
  }
  if (target.ahead.length > 0) {
    // A suite that has the kernel already need not wait for it.
    target.ahead = [...new Set(target.ahead)]
      .filter((suite) => !target.suites.includes(suite))
      .toSorted(compareText);
  }
  if (target.passedOver.length > 1) {
    target.passedOver.sort(
      (a, b) =>
        compareText(a.from, b.from) ||
        compareText(a.version, b.version) ||
        compareText(a.verdict, b.verdict) ||
        compareText(a.reason, b.reason),
    );
  }
}

/** A build is published when every suite has it; since when the last of them has. */
function finishBuilt(target: Target, publishedIn: ReadonlyMap<string, string> | undefined): void {
  let last = '';
  const missing: string[] = [];
  for (const suite of target.suites) {
    const since = publishedIn?.get(suite);
    if (since === undefined) {
      missing.push(suite);
    } else if (since > last) {
      last = since;
    }
  }
  if (missing.length === 0) {
    target.verdict = 'published';
    target.since = last;
  } else if (missing.length < target.suites.length) {
    target.reason += `; not yet published in ${missing.join(', ')}`;
  }
}
