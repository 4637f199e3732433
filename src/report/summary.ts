import type { Target } from '../model/plans.ts';
import { actionOf } from '../model/actions.ts';
import { table } from './tables.ts';

/** What a run ends with on a terminal. */
export interface RunSummary {
  targets: readonly Target[];
  /** A tracking package of each published suite, for the example. */
  examples: ReadonlyMap<string, string>;
  /** Texts of what could not be read; empty ones count for nothing. */
  problems: readonly string[];
  url: string;
  /** File name for sources.list.d. */
  slug: string;
  directory: string;
  configFile: string;
}

/** The lines an administrator pastes to use the repository. */
export function adminLines(
  summary: Pick<RunSummary, 'url' | 'slug'>,
  suite: string,
  example: string,
): string[] {
  const url = summary.url.replace(/\/+$/, '');
  return [
    `curl -fsSo /etc/apt/sources.list.d/${summary.slug}.sources ${url}/${suite}.sources`,
    `apt update && apt install ${example}`,
  ];
}

/** The end of a run: what is published, what is not and why, and what an administrator does next. */
export function formatSummary(summary: RunSummary): string {
  const { targets, directory } = summary;
  const published = targets.filter((target) => target.verdict === 'published');
  const others = targets.filter((target) => target.verdict !== 'published');
  const sections = [
    `${published.length} of ${targets.length} targets are published in ${directory}\n`,
  ];
  if (published.length > 0) {
    sections.push(
      table(
        ['PUBLISHED', 'VERSION', 'KERNEL'],
        published.map(({ module, kernel }) => [module.name, module.version, kernel.release]),
      ),
    );
  }
  if (others.length > 0) {
    sections.push(
      table(
        ['NOT PUBLISHED', 'KERNEL', 'VERDICT', 'REASON'],
        others.map(({ module, kernel, verdict, withheld, reason }) => [
          module.name,
          kernel.release,
          verdict,
          `${reason} (${actionOf({ verdict, withheld })})`,
        ]),
      ),
    );
  }
  sections.push(...summary.problems.filter((text) => text !== ''));
  if (published.length > 0) {
    for (const [suite, example] of summary.examples) {
      const lines = adminLines(summary, suite, example).map((line) => `    ${line}\n`);
      sections.push(
        `On a ${suite} machine, as root (serve the folder first: lockstep serve -c ${summary.configFile}):\n\n${lines.join('')}`,
      );
    }
  }
  return `\n${sections.join('\n')}`;
}
