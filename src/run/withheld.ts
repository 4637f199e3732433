import type { ModuleConfig } from '../config/modules.ts';
import { nameOf } from '../config/modules.ts';
import type { Config } from '../config/schema.ts';

/** Components that are not free, or need what is not (Policy 2.2), wherever they stand in a suite. */
const NOT_FREE = /(^|\/)(contrib|non-free[a-z-]*|restricted|multiverse)$/;

/**
 * Why a module is kept out of the repository: it is not from main, and nobody said that it shall be published.
 *
 * @returns undefined when it is published
 */
export function withheldOf(
  { repository }: Pick<Config, 'repository'>,
  entry: ModuleConfig,
  component: string,
): string | undefined {
  const policy = entry.publish ?? repository.publish;
  return policy === 'nonfree' || !NOT_FREE.test(component)
    ? undefined
    : `${nameOf(entry)} is from ${component}, and the configuration does not say \`publish: nonfree\``;
}
