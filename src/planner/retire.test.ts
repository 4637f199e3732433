import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareVersions } from '../debian/version.ts';
import type { KeptPackage } from '../model/plans.ts';
import { kernelId } from './names.ts';
import { makePlan, type PlanInputs } from './plan.ts';
import { inputsArbitrary } from './testing/arbitrary.ts';
import {
  aheadFrom,
  choiceOf,
  makeInputs,
  makeKernel,
  makeModule,
  makePublication,
  makeRecord,
  makeSuite,
} from './testing/inputs.ts';
import type { PublishedModule } from './retire.ts';

const MODULE = makeModule('demo', '2.0-1');
const OLD = makeKernel('6.12.107+deb13-amd64');
const KERNEL = makeKernel('6.12.117+deb13-amd64');
const CHOICE = choiceOf(MODULE);

function publicationOf(kernel = OLD, suite = 'trixie', module = MODULE): PublishedModule {
  return makePublication(suite, makeRecord(module, kernel), kernel);
}

/** What becomes of publications when trixie has only the newer kernel. */
function keptOf(
  published: readonly PublishedModule[],
  more: Partial<PlanInputs> & { leftDays?: number } = {},
): Pick<KeptPackage, 'verdict' | 'reason' | 'since'>[] {
  const { leftDays, ...fields } = more;
  const now = '2026-11-01T12:00:00.000Z';
  const left =
    leftDays === undefined
      ? []
      : [[kernelId(OLD), new Date(Date.parse(now) - leftDays * 86_400_000).toISOString()] as const];
  const inputs = makeInputs([makeSuite('trixie', [KERNEL], [CHOICE])], {
    now,
    published,
    left: new Map(left),
    ...fields,
  });
  return makePlan(inputs).kept.map(({ verdict, reason, since }) => ({ verdict, reason, since }));
}

describe('a published package', () => {
  const both = [publicationOf(), publicationOf(KERNEL)];

  test('that a target speaks for is not listed', () => {
    expect(keptOf([publicationOf(KERNEL)])).toEqual([]);
  });

  test('stays as long as its kernel is somewhere, wanted or not', () => {
    const reason = 'stays as long as Debian has its kernel';
    const since = '2026-02-02T00:00:00.000Z';
    expect(keptOf(both)).toEqual([{ verdict: 'published', reason, since }]);
    // Also when it is in another suite only, or expected here again.
    for (const entry of [OLD, aheadFrom('sid', OLD)]) {
      const suites = [
        makeSuite('trixie', [KERNEL], [CHOICE]),
        makeSuite('sid', [entry], [CHOICE], false),
      ];
      expect(keptOf(both, { suites, leftDays: 999 })).toMatchObject([
        { verdict: 'published', reason },
      ]);
    }
  });

  test('stays for the grace period after, and says until when', () => {
    expect(keptOf(both, { leftDays: 0 })).toMatchObject([
      {
        verdict: 'published',
        reason: 'its kernel has left Debian on 2026-11-01; stays until 2027-01-30',
      },
    ]);
    expect(keptOf(both, { leftDays: 90 })[0]?.verdict).toBe('published');
  });

  test('is retired after it', () => {
    expect(keptOf(both, { leftDays: 91 })).toEqual([
      {
        verdict: 'retired',
        reason: 'its kernel has left Debian on 2026-08-02, more than 90 days ago',
        since: '2026-11-01T12:00:00.000Z',
      },
    ]);
    const policy = { graceDays: 0, toolchain: 'keep' as const };
    expect(keptOf(both, { leftDays: 1, policy })[0]?.verdict).toBe('retired');
    expect(keptOf(both, { leftDays: 0, policy })[0]?.verdict).toBe('published');
  });

  test('stays for ever as the newest of its flavour in its suite', () => {
    const reason = 'its kernel has left Debian on 2024-02-05; stays as the newest of its flavour';
    // Newer ones of other suites, flavours, sources, architectures and modules are no help.
    const others = [
      publicationOf(KERNEL, 'sid'),
      publicationOf(makeKernel('6.12.117+deb13-cloud')),
      publicationOf({ ...KERNEL, release: '6.12.118+x-amd64', source: 'linux-signed-6.12-amd64' }),
      publicationOf({ ...KERNEL, release: '6.12.119+x-amd64', architecture: 'arm64' }),
      publicationOf(KERNEL, 'trixie', makeModule('other')),
    ];
    for (const published of [[publicationOf()], [publicationOf(), ...others]]) {
      expect(keptOf(published, { leftDays: 1000 })).toContainEqual({
        verdict: 'published',
        reason,
        since: '2026-02-02T00:00:00.000Z',
      });
    }
  });

  test('is compared as Debian compares versions', () => {
    const ninth = makeKernel('6.12.9+deb13-amd64');
    const left = new Map([OLD, ninth].map((kernel) => [kernelId(kernel), '2024-01-01']));
    expect(
      keptOf([publicationOf(ninth), publicationOf(OLD)], { left }).map(({ verdict }) => verdict),
    ).toEqual(['published', 'retired']);
  });

  test('of an upload that was replaced under the same release stays', () => {
    const upload = makeKernel(OLD.release, { version: '6.12.107-2' });
    const suites = [makeSuite('trixie', [KERNEL, upload], [CHOICE])];
    expect(keptOf(both, { suites, leftDays: 999 })).toMatchObject([{ verdict: 'published' }]);
  });

  test('of another module version stays while the version that is wanted can not take its place', () => {
    const published = [publicationOf(KERNEL, 'trixie', makeModule('demo', '1.0-1'))];
    expect(keptOf(published)).toMatchObject([
      { verdict: 'published', reason: 'stays as long as 2.0-1 is queued' },
    ]);
    const records = [makeRecord(MODULE, KERNEL, 'failed')];
    expect(keptOf(published, { records })).toMatchObject([
      { verdict: 'published', reason: 'stays as long as 2.0-1 is failed' },
    ]);
    // Also when no suite has the module any more.
    const suites = [makeSuite('trixie', [KERNEL], [])];
    expect(keptOf(published, { suites, leftDays: 999 })).toMatchObject([
      { verdict: 'published', reason: 'stays as long as Debian has its kernel' },
    ]);
  });
});

test('every publication is spoken for or listed, and retired for every reason at once (any)', () => {
  fc.assert(
    fc.property(inputsArbitrary, (given) => {
      const { targets, kept } = makePlan(given);
      const wrong = given.published.filter((entry) => {
        const id = `${entry.release}/${entry.architecture}/${entry.kernelVersion}`;
        const isSpokenFor = targets.some(
          ({ module, kernel, suites }) =>
            module.name === entry.module &&
            module.version === entry.moduleVersion &&
            kernelId(kernel) === id &&
            suites.includes(entry.suite),
        );
        const left = given.left.get(id);
        const isPresent = given.suites.some(({ kernels }) =>
          kernels.some(
            ({ kernel }) =>
              kernel.release === entry.release && kernel.architecture === entry.architecture,
          ),
        );
        const isNewest = given.published.every(
          (other) =>
            other.suite !== entry.suite ||
            other.module !== entry.module ||
            other.line !== entry.line ||
            compareVersions(other.kernelVersion, entry.kernelVersion) <= 0,
        );
        const days =
          left === undefined ? 0 : (Date.parse(given.now) - Date.parse(left)) / 86_400_000;
        const isRetired = !isPresent && !isNewest && days > given.policy.graceDays;
        const expected = isSpokenFor ? [] : [isRetired ? 'retired' : 'published'];
        const listed = kept.filter(
          ({ suite, id: name }) => suite === entry.suite && name === entry.id,
        );
        return listed.map(({ verdict }) => verdict).join(' ') !== expected.join(' ');
      });
      expect(wrong).toEqual([]);
      expect(kept.length).toBeLessThanOrEqual(given.published.length);
    }),
    { numRuns: 500 },
  );
});
