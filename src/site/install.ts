import { compareText } from '../core/compare.ts';
import type { SiteCell, SiteData } from './data.ts';
import { cellsOf, type SuiteMatrix } from './site-index.ts';

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

/** The tracking packages of a module in a suite that can be installed now, the usual flavour's first. */
export function trackingPackages(cells: readonly SiteCell[], suite: string): string[] {
  const names = cells
    .filter(({ verdict, suites }) => verdict === 'published' && suites.includes(suite))
    .flatMap(({ module, kernel }) =>
      (kernel.suites.get(suite) ?? []).map((track) => ({
        name: `${module}-modules-${track}`,
        track,
        isUsual: track === kernel.architecture,
      })),
    )
    .filter(({ name }) => PACKAGE_NAME.test(name))
    .toSorted((a, b) => Number(b.isUsual) - Number(a.isUsual) || compareText(a.track, b.track));
  return [...new Set(names.map(({ name }) => name))];
}

/** An example for a suite and architecture; undefined when nothing of it can be installed. */
export function installLines(
  data: Pick<SiteData, 'url' | 'slug'>,
  matrix: SuiteMatrix,
): string | undefined {
  const { suite } = matrix;
  const [example] = trackingPackages(cellsOf(matrix, 'all'), suite);
  return example === undefined ? undefined : installCommand(data, suite, [example]);
}
