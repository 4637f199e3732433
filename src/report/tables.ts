import type { SuiteKernel } from '../model/kernels.ts';
import type { Plan, Target } from '../model/plans.ts';
import { actionOf } from '../model/actions.ts';
import { printable } from './text.ts';

/** Rows as text with aligned columns; the last column is left as it is. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows].map((row) =>
    row.map((cell) => printable(cell).replaceAll('\n', ' ')),
  );
  const widths = header.map((_, column) =>
    Math.max(...all.map((row) => (row[column] ?? '').length)),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** `lockstep kernels` for people: one line a kernel of a suite. */
export function kernelTable(
  suites: readonly { suite: string; kernels: readonly SuiteKernel[] }[],
): string {
  return table(
    ['SUITE', 'RELEASE', 'FLAVOUR', 'ARCH', 'VERSION', 'HEADERS', 'NEWEST OF', 'FROM'],
    suites.flatMap(({ suite, kernels }) =>
      kernels.map(({ kernel, tracks }) => [
        suite,
        kernel.release,
        kernel.flavour,
        kernel.architecture,
        kernel.version,
        kernel.headers === undefined ? 'gone' : 'yes',
        tracks.join(' '),
        kernel.unseenSince === undefined
          ? kernel.suites.join(' ')
          : `${kernel.suites.join(' ')} (not seen since ${kernel.unseenSince.slice(0, 10)})`,
      ]),
    ),
  );
}

/** `lockstep plan` and `lockstep status` for people. */
export function targetTable(targets: readonly Target[]): string {
  const hasSeveral = new Set(targets.flatMap(suitesOf)).size > 1;
  return table(
    ['MODULE', 'VERSION', 'KERNEL', ...(hasSeveral ? ['SUITES'] : []), 'VERDICT', 'REASON'],
    targets.map((target) => [
      target.module.name,
      target.module.version,
      target.kernel.release,
      ...(hasSeveral ? [suitesOf(target).join(' ')] : []),
      target.verdict,
      target.reason,
    ]),
  );
}

/** The suites of a target; those that the kernel is only expected in are in brackets. */
function suitesOf({ suites, ahead }: Target): string[] {
  return [...suites, ...ahead.map((suite) => `(${suite})`)];
}

/** A whole plan for people: targets, what stays of earlier kernels, what is missing. */
export function planTable({ targets, kept, absent }: Plan): string {
  const retired = kept.filter(({ verdict }) => verdict === 'retired');
  const sections = [targetTable(targets)];
  if (kept.length > 0) {
    const stay = kept.length - retired.length;
    sections.push(
      `${stay} packages for other kernels stay published, ${retired.length} are retired\n`,
    );
  }
  if (retired.length > 0) {
    sections.push(
      table(
        ['RETIRED', 'SUITE', 'VERSION', 'KERNEL', 'REASON'],
        retired.map((entry) => [
          entry.module,
          entry.suite,
          entry.moduleVersion,
          entry.release,
          entry.reason,
        ]),
      ),
    );
  }
  if (absent.length > 0) {
    sections.push(
      table(
        ['NOT IN THE SUITE', 'SUITE', 'PACKAGE'],
        absent.map((entry) => [
          entry.module,
          entry.architecture === undefined ? entry.suite : `${entry.suite} ${entry.architecture}`,
          entry.package,
        ]),
      ),
    );
  }
  return sections.join('\n');
}

/** Sources that could not be got. */
export function sourceTable(
  problems: readonly { module: string; version: string | null; message: string }[],
): string {
  if (problems.length === 0) {
    return '';
  }
  return table(
    ['SOURCE NOT READ', 'USED INSTEAD', 'WHY'],
    problems.map(({ module, version, message }) => [module, version ?? 'nothing', message]),
  );
}

/** Indices that could not be read. */
export function indexTable(
  problems: readonly {
    suite: string;
    component: string;
    architecture: string;
    lastGood: string | null;
    message: string;
  }[],
): string {
  if (problems.length === 0) {
    return '';
  }
  return table(
    ['INDEX NOT READ', 'ARCH', 'LAST GOOD', 'WHY'],
    problems.map(({ suite, component, architecture, lastGood, message }) => [
      `${suite}/${component}`,
      architecture,
      lastGood?.slice(0, 16).replace('T', ' ') ?? 'never',
      message,
    ]),
  );
}

/** `lockstep why` for people. */
export function explanation(target: Target, log: string | undefined): string {
  const { module, kernel, verdict, reason, since } = target;
  return [
    `${module.name} ${module.version} for ${kernel.release} (${kernel.architecture})`,
    `  verdict  ${verdict}, since ${since}`,
    `  reason   ${printable(reason)}`,
    `  action   ${actionOf(target)}`,
    ...(log === undefined ? [] : [`  log      ${log}`]),
    '',
  ].join('\n');
}
