import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { CellResult } from './run-cell.ts';
import { SUITES, type SuiteName } from './suites.ts';

export const PAGE = path.join(import.meta.dirname, '../../docs/guard-matrix.md');

/** Text that stays one cell of a Markdown table. */
function plain(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}

function cellText(result: CellResult | undefined): string {
  if (result === undefined) {
    return '';
  }
  const { outcome, later, problems } = result;
  const what = [outcome ?? 'not run', ...(later === undefined ? [] : [later])].join(' → ');
  return problems.length === 0 ? what : `**bad**: ${what} (${problems.join('; ').slice(0, 200)})`;
}

/** The results as tables, one a group: a row an operation, a column a suite. */
export function tableLines(results: readonly CellResult[]): string[] {
  const suites = SUITES.filter((suite) => results.some((result) => result.suite === suite));
  const lines: string[] = [];
  for (const [group, inGroup] of Map.groupBy(results, (result) => result.group)) {
    lines.push(`## ${group[0]?.toUpperCase() ?? ''}${group.slice(1)}`, '');
    lines.push(`| | ${suites.join(' | ')} |`, `| --- |${suites.map(() => ' --- |').join('')}`);
    for (const [name, inRow] of Map.groupBy(inGroup, (result) => result.name)) {
      const of = (suite: SuiteName): string =>
        plain(cellText(inRow.find((result) => result.suite === suite)));
      lines.push(`| ${plain(name)} | ${suites.map(of).join(' | ')} |`);
    }
    lines.push('');
  }
  return lines;
}

/** A line a suite: how many cells ended how. */
export function summaryLines(results: readonly CellResult[]): string[] {
  return [...Map.groupBy(results, ({ suite }) => suite)].map(([suite, found]) => {
    const bad = found.filter(({ problems }) => problems.length > 0).length;
    const counts = [...Map.groupBy(found, ({ outcome }) => outcome ?? 'not run')]
      .map(([outcome, those]) => `${those.length} ${outcome}`)
      .toSorted();
    return `${suite}: ${found.length} cells, ${bad} bad; ${counts.join(', ')}`;
  });
}

const INTRODUCTION = `# What the guard does, tried

Written by \`npm run guard-matrix\` ([tests](testing.md)): real roots with the real apt, aptitude, unattended-upgrades and dpkg,
and small stand-ins for Debian's kernels with the fields of the real packages. A is the installed kernel, B the newer one.
Each cell says what the machine had come to afterwards:

| | |
| --- | --- |
| held | the newer kernel did not come, everything else did, no error |
| together | the newer kernel came, with every wanted module |
| not concerned | a kernel came of a flavour for which no module is wanted |
| refused | nothing was unpacked, and the guard said why |
| declined | nothing was unpacked, and apt said why |
| let in | the kernel came without a module: somebody asked for it |
| renewed | the installed kernel came in a newer revision, with its modules |
| done | other packages came or went |
| no effect | nothing changed |

After \`→\`: what \`apt upgrade\` does once all modules are published. A cell is **bad** when a kernel came without a module that
nobody asked for, a tracking package or metapackage was removed, other upgrades were blocked, dpkg was left with work to do, no
kernel was left, or the outcome is not the expected one.
`;

/** Writes the page of the documentation. @param cells how many there are; it says so when some were not tried */
export async function writePage(results: readonly CellResult[], cells: number): Promise<void> {
  const part =
    results.length < cells ? [`${results.length} of ${cells} cells were tried so far.`, ''] : [];
  const text = [
    INTRODUCTION,
    ...part,
    ...summaryLines(results).map((line) => `- ${line}`),
    '',
    ...tableLines(results),
  ];
  await fs.writeFile(PAGE, `${text.join('\n').trimEnd()}\n`);
}
