import type { ErrorCode } from '../core/errors.ts';
import type { SuiteFacts } from './releases.ts';
import type { IndexStatus } from './root-state.ts';
import { type SuiteSource, suiteId } from './suite-sources.ts';

export interface Warning {
  code: ErrorCode;
  message: string;
}

/** To the minute, as it is read by people. */
function minute(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

/** What went wrong with the indices, one warning for each suite and kind of trouble. */
export function warningsOf(statuses: readonly IndexStatus[]): Warning[] {
  const groups = new Map<string, { first: IndexStatus; all: IndexStatus[] }>();
  for (const status of statuses) {
    if (status.problem !== undefined) {
      const id = [suiteId(status), status.problem.code, status.state].join(' ');
      const group = groups.get(id) ?? { first: status, all: [] };
      group.all.push(status);
      groups.set(id, group);
    }
  }
  return [...groups.values()].flatMap(({ first, all }) => {
    const { problem } = first;
    if (problem === undefined) {
      return [];
    }
    const unique = (names: string[]): string => [...new Set(names)].toSorted().join(', ');
    const architectures = unique(all.map(({ architecture }) => architecture));
    const components = unique(all.map(({ component }) => component));
    const what = problem.message.replace(/^reading [^:]*: /, '');
    const oldest = all.flatMap(({ lastGood }) => lastGood ?? []).toSorted()[0];
    const used =
      oldest === undefined
        ? 'it was never seen'
        : `the last good copy of ${minute(oldest)} is used`;
    const message = `${first.suite} (${components}) for ${architectures}: ${what}; ${used}`;
    return [{ code: problem.code, message }];
  });
}

/** Suites past their Valid-Until that are read all the same. */
export function acceptedExpired(
  facts: readonly (SuiteFacts & { base: string })[],
  sources: readonly SuiteSource[],
): Warning[] {
  const checked = new Set(
    sources.filter(({ checkValidUntil }) => checkValidUntil).map((source) => suiteId(source)),
  );
  return facts.flatMap((entry): Warning[] => {
    const { suite, validUntil } = entry;
    if (validUntil === undefined || Date.parse(validUntil) >= Date.now()) {
      return [];
    }
    if (checked.has(suiteId(entry))) {
      return [];
    }
    const message = `the Release file of ${suite} is past its Valid-Until (${validUntil}); accepted because of checkValidUntil: false`;
    return [{ code: 'ARCHIVE_EXPIRED', message }];
  });
}
