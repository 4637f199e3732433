import { sha256 } from '../core/hash.ts';
import type { Kernel } from '../model/kernels.ts';
import type { BuildRecord } from '../model/records.ts';
import type { History } from './history.ts';
import type { Choice } from './judge.ts';

/** A build that another is made on (BUILD_DEPENDS of dkms(8)). */
export interface Dependency {
  record: BuildRecord;
  /** Why it is kept out of the repository; undefined when it is published. */
  withheld: string | undefined;
}

/** What a suite has of a kernel. */
export interface Offer {
  suite: string;
  kernel: Kernel;
  /** The version that the suite uses of a module; undefined when it has none, or when that is being found just now. */
  choose: (module: string) => Choice | undefined;
}

/**
 * The build that counts in a suite for a name that BUILD_DEPENDS gives: the one that the suite uses; as long as that is
 * not built, the newest that is published there. Both are in the suite with what is built on them.
 */
export function findDependency(
  name: string,
  { suite, kernel, choose }: Offer,
  history: History,
): Dependency | undefined {
  const records = history.builtAs(name, kernel);
  const used = new Map<BuildRecord, Dependency>();
  for (const module of new Set(records.map((record) => record.module))) {
    const choice = choose(module);
    const record = choice?.target.record;
    if (choice !== undefined && record !== undefined && records.includes(record)) {
      used.set(record, { record, withheld: choice.target.withheld });
    }
  }
  for (const record of records) {
    const dependency = used.get(record);
    if (dependency !== undefined) {
      return dependency;
    }
  }
  const published = records.find(({ key }) => history.isPublishedIn(suite, key));
  return published === undefined ? undefined : { record: published, withheld: undefined };
}

/**
 * The key, or the inputs, of a build on top of others. Hex SHA-256.
 *
 * @param own key, or inputs, that it would have without them
 * @param others keys, or inputs, of those
 */
export function hashOnTopOf(own: string, others: readonly string[]): string {
  return others.length === 0 ? own : sha256([own, ...others].join('\n'));
}
