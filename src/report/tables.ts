import type { Kernel } from '../model/kernels.ts';
import type { Target } from '../model/plans.ts';
import { VERDICT_MEANINGS } from '../model/verdicts.ts';
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

/** `lockstep kernels` for people. */
export function kernelTable(kernels: readonly Kernel[]): string {
  return table(
    ['RELEASE', 'FLAVOUR', 'ARCH', 'VERSION', 'HEADERS', 'NEWEST', 'SUITES'],
    kernels.map((kernel) => [
      kernel.release,
      kernel.flavour,
      kernel.architecture,
      kernel.version,
      kernel.headers === undefined ? 'gone' : 'yes',
      kernel.newest ? 'yes' : '',
      kernel.suites.join(' '),
    ]),
  );
}

/** `lockstep plan` and `lockstep status` for people. */
export function targetTable(targets: readonly Target[]): string {
  return table(
    ['MODULE', 'VERSION', 'KERNEL', 'VERDICT', 'REASON'],
    targets.map((target) => [
      target.module.name,
      target.module.version,
      target.kernel.release,
      target.verdict,
      target.reason,
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
    `  action   ${VERDICT_MEANINGS[verdict].action}`,
    ...(log === undefined ? [] : [`  log      ${log}`]),
    '',
  ].join('\n');
}
