import type { SiteCell, SiteKernel } from './data.ts';
import { command, pager, renderPage, type SiteFile } from './layout.ts';
import { badge, legend, MARKS } from './marks.ts';
import { join, type Markup, markup, NOTHING } from './markup.ts';
import { link, moduleAnchor, paths } from './paths.ts';
import { isCurrent, type MatrixLine, type SiteIndex, type SuiteMatrix } from './site-index.ts';
import { installLines } from './install.ts';
import { count } from './text.ts';

/** Kernels side by side on one page. */
const MOST_COLUMNS = 40;
/** What the cells of a page may take. */
const CELLS_BYTES = 600_000;
/** As many columns leave room for a flavour's name above them. */
const LEAST_GROUP = 3;

/** How many kernels fit on a page, whatever the names. */
function columnsOf({ modules, lines }: SuiteMatrix): number {
  const longest = (names: readonly string[]): number =>
    names.reduce((most, name) => Math.max(most, name.length), 0);
  const releases = lines.flatMap(({ kernels }) => kernels.map(({ release }) => release));
  const cell = 110 + longest(modules) + longest(releases);
  const fitting = Math.floor(CELLS_BYTES / (cell * Math.max(1, modules.length)));
  return Math.max(1, Math.min(MOST_COLUMNS, fitting));
}

/** The pages of one suite and architecture: the newest kernels of all lines, and each longer line by itself. */
export function* matrixPages(index: SiteIndex, matrix: SuiteMatrix): Generator<SiteFile> {
  const columns = columnsOf(matrix);
  const each = Math.max(1, Math.floor(columns / Math.max(1, matrix.lines.length)));
  const shown = matrix.lines.slice(0, columns);
  const newest = shown.map(({ flavour, source, architecture, kernels }) => ({
    flavour,
    source,
    architecture,
    kernels: kernels.slice(0, each),
  }));
  yield newestPage(index, matrix, newest);
  for (const line of matrix.lines) {
    yield* linePages(index, matrix, line, columns);
  }
}

function titleOf({ suite, architecture }: SuiteMatrix): string {
  return `${suite} on ${architecture}`;
}

function newestPage(
  { data }: SiteIndex,
  matrix: SuiteMatrix,
  newest: readonly MatrixLine[],
): SiteFile {
  const { suite, architecture, lines, modules } = matrix;
  const path = paths.matrix(suite, architecture);
  const total = lines.reduce((sum, { kernels }) => sum + kernels.length, 0);
  const older = lines.map(
    (line) =>
      markup`<li><a href="${link(path, paths.line(suite, line, lastPart(matrix, line)))}">${lineName(line, lines)}</a> <span class="muted">${count(line.kernels.length, 'kernel')}</span></li>`,
  );
  const install = installLines(data, suite, architecture);
  return renderPage(data, {
    ...{ path, title: titleOf(matrix), section: 'overview', above: [], isWide: true },
    body: markup`<h1>${titleOf(matrix)}</h1>
<p class="lead">${count(modules.length, 'module')} × ${count(total, 'kernel')}. The newest kernels of each flavour are on the left; the ones that a metapackage points to are marked “current”.</p>
${table(path, matrix, newest)}
${legend(verdictsOf(matrix, newest))}
<h2>All kernels, by flavour</h2>
<ul class="plain">${older}</ul>
${install === undefined ? NOTHING : markup`<h2>Use it</h2><p>On a ${suite} machine, as root:</p>${command(install)}`}`,
  });
}

/** Parts are counted from the oldest kernels on, so that a new kernel changes the last part alone. */
function lastPart(matrix: SuiteMatrix, { kernels }: MatrixLine): number {
  return Math.max(1, Math.ceil(kernels.length / columnsOf(matrix)));
}

function* linePages(
  { data }: SiteIndex,
  matrix: SuiteMatrix,
  line: MatrixLine,
  columns: number,
): Generator<SiteFile> {
  const { suite, architecture, lines } = matrix;
  const oldestFirst = line.kernels.toReversed();
  const last = lastPart(matrix, line);
  const parts = Array.from({ length: last }, (_, at) =>
    oldestFirst.slice(at * columns, (at + 1) * columns).toReversed(),
  );
  const links = parts.map((part, at) => ({
    label:
      at + 1 === last
        ? `from ${part.at(-1)?.abi ?? ''} on`
        : `${part.at(-1)?.abi ?? ''} to ${part[0]?.abi ?? ''}`,
    path: paths.line(suite, line, at + 1),
  }));
  for (const [at, kernels] of parts.entries()) {
    const path = paths.line(suite, line, at + 1);
    const shown = [{ ...line, kernels }];
    const title = lineName(line, lines);
    yield renderPage(data, {
      ...{ path, title, section: 'overview', isWide: true },
      above: [{ label: titleOf(matrix), path: paths.matrix(suite, architecture) }],
      body: markup`<h1>${title} <span class="muted">in ${titleOf(matrix)}</span></h1>
${pager(path, at + 1, links)}
${table(path, matrix, shown)}
${legend(verdictsOf(matrix, shown))}`,
    });
  }
}

/** A line's flavour, with its source where another one has the same flavour. */
function lineName({ flavour, source }: MatrixLine, lines: readonly MatrixLine[]): string {
  const isAlone = lines.filter((other) => other.flavour === flavour).length === 1;
  return isAlone ? flavour : `${flavour} (${source})`;
}

function verdictsOf(
  { cells }: SuiteMatrix,
  lines: readonly MatrixLine[],
): Set<SiteCell['verdict']> {
  const kernels = lines.flatMap((line) => line.kernels);
  const verdicts = new Set<SiteCell['verdict']>();
  for (const row of cells.values()) {
    for (const kernel of kernels) {
      const cell = row.get(kernel);
      if (cell !== undefined) {
        verdicts.add(cell.verdict);
      }
    }
  }
  return verdicts;
}

function table(path: string, matrix: SuiteMatrix, lines: readonly MatrixLine[]): Markup {
  const { suite, modules, cells } = matrix;
  const isGrouped = lines.length > 1 && lines.every(({ kernels }) => kernels.length >= LEAST_GROUP);
  const columns = lines.flatMap(({ kernels }) =>
    kernels.map((kernel, at) => ({ kernel, isFirst: at === 0 && isGrouped })),
  );
  const groups = lines.map(
    (line) =>
      markup`<th scope="colgroup" colspan="${line.kernels.length}" class="edge"><span>${lineName(line, matrix.lines)}</span></th>`,
  );
  const heads = columns.map(({ kernel, isFirst }) =>
    head(path, kernel, {
      label: isGrouped || lines.length === 1 ? kernel.abi : kernel.release,
      note: noteOf(matrix, kernel),
      isFirst,
    }),
  );
  const rows = modules.map((module) => {
    const row = cells.get(module);
    const anchor = moduleAnchor(module);
    const values = columns.map(({ kernel, isFirst }) => {
      const cell = row?.get(kernel);
      return cell === undefined
        ? markup`<td class="none${isFirst ? ' edge' : ''}"><span class="hidden">no build</span></td>`
        : value(path, cell, anchor, isFirst);
    });
    return markup`<tr><th scope="row"><a href="${link(path, paths.module(module))}">${module}</a></th>${join(values)}</tr>
`;
  });
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="Matrix of modules and kernels"><table class="matrix">
<caption class="hidden">Verdict of each module for each kernel of ${suite}; each links to its reason</caption>
<thead>${isGrouped ? markup`<tr class="groups"><td></td>${groups}</tr>` : NOTHING}<tr><th scope="col">Module</th>${heads}</tr></thead>
<tbody>${join(rows)}</tbody>
</table></div>`;
}

/** What a suite has to do with a kernel, beyond having it. */
function noteOf({ suite, cells }: SuiteMatrix, kernel: SiteKernel): string {
  if (kernel.suites.has(suite)) {
    return isCurrent(kernel, suite) ? 'current' : '';
  }
  const isExpected = cells.values().some((row) => row.get(kernel)?.ahead.includes(suite) === true);
  return isExpected ? 'expected' : 'left';
}

function head(
  path: string,
  kernel: SiteKernel,
  { label, note, isFirst }: { label: string; note: string; isFirst: boolean },
): Markup {
  return markup`<th scope="col" class="kernel${isFirst ? ' edge' : ''}"><a href="${link(path, paths.kernel(kernel))}"><span class="hidden">${kernel.release}</span><span aria-hidden="true">${label}</span></a>${note === '' ? NOTHING : markup`<small>${note}</small>`}</th>`;
}

function value(path: string, cell: SiteCell, anchor: string, isFirst: boolean): Markup {
  const { symbol, tone } = MARKS[cell.verdict];
  return markup`<td class="${tone}${isFirst ? ' edge' : ''}"><a href="${link(path, paths.kernel(cell.kernel))}#${anchor}" aria-label="${cell.verdict}">${symbol}</a></td>`;
}

/** A verdict with a link to its reason. */
export function linkedBadge(path: string, cell: SiteCell): Markup {
  return markup`<a class="plainlink" href="${link(path, paths.kernel(cell.kernel))}#${moduleAnchor(cell.module)}">${badge(cell.verdict)}</a>`;
}
