import { compareText } from '../core/compare.ts';
import type { SiteData, SiteTracking } from './data.ts';

/** The address of a suite's file for sources.list.d. */
export function sourcesAddress({ url }: Pick<SiteData, 'url'>, suite: string): string {
  return `${url}${suite}.sources`;
}

/** What an administrator pastes to use a suite of the repository. @param packages what is installed */
export function installCommand(
  data: Pick<SiteData, 'url' | 'slug'>,
  suite: string,
  packages: readonly string[],
): string {
  return [
    `curl -fsSo /etc/apt/sources.list.d/${data.slug}.sources ${sourcesAddress(data, suite)}`,
    `apt update && apt install ${packages.join(' ')}`,
  ].join('\n');
}

/** Debian Policy 5.6.1: a name that is none goes into no command. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;

/** The names of some tracking packages, the usual flavour's first. */
export function trackingNames(packages: readonly SiteTracking[]): string[] {
  const names = packages
    .map(({ module, track, architecture }) => ({
      name: `${module}-modules-${track}`,
      track,
      isUsual: track === architecture,
    }))
    .filter(({ name }) => PACKAGE_NAME.test(name))
    .toSorted(
      (a, b) =>
        Number(b.isUsual) - Number(a.isUsual) ||
        compareText(a.track, b.track) ||
        compareText(a.name, b.name),
    );
  return [...new Set(names.map(({ name }) => name))];
}

/** An example for a suite, or one of its architectures; undefined when nothing of it can be installed. */
export function installLines(
  data: Pick<SiteData, 'url' | 'slug' | 'tracking'>,
  suite: string,
  architecture?: string,
): string | undefined {
  const [example] = trackingNames(
    data.tracking.filter(
      (entry) =>
        entry.suite === suite &&
        (architecture === undefined || entry.architecture === architecture),
    ),
  );
  return example === undefined ? undefined : installCommand(data, suite, [example]);
}
