import { agree } from './outcomes.ts';
import type { DkmsResult, PackageResult, Results } from './results.ts';

/** Text that stays one cell of a Markdown table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').slice(0, 160);
}

function dkmsText(dkms: DkmsResult | undefined): string {
  if (dkms === undefined) {
    return '';
  }
  const status = dkms.status === 0 ? '' : ` (${dkms.status})`;
  const after = dkms.after === undefined ? '' : `, then ${dkms.after}`;
  return `${dkms.outcome}${status}${after}`;
}

/** Whether both have a result and these say different things. */
export function differs({ dkms, lockstep }: PackageResult): boolean {
  return dkms !== undefined && lockstep !== undefined && !agree(dkms, lockstep);
}

function row(result: PackageResult): string {
  const { dkms, lockstep } = result;
  const mark = dkms === undefined || lockstep === undefined ? '' : differs(result) ? '≠' : '=';
  const reason = [
    dkms?.error,
    lockstep === undefined || /^(?:built|published)$/.test(lockstep.verdict)
      ? undefined
      : `Lockstep: ${lockstep.reason}`,
  ];
  const cells = [
    result.package,
    result.version,
    dkmsText(dkms),
    dkms === undefined ? '' : String(dkms.seconds),
    lockstep?.verdict ?? '',
    lockstep?.seconds === undefined ? '' : lockstep.seconds.toFixed(0),
    mark,
    reason.filter((text) => text !== undefined).join('; '),
  ];
  return `| ${cells.map(cell).join(' | ')} |`;
}

function count(names: readonly string[]): string {
  const groups = Map.groupBy(names, (name) => name);
  return [...groups]
    .map(([name, found]) => `${found.length} ${name}`)
    .toSorted()
    .join(', ');
}

function section({ release, results }: Results): string {
  const dkms = results.flatMap((result) => (result.dkms === undefined ? [] : [result.dkms]));
  const both = results.filter(
    (result) => result.lockstep !== undefined && result.dkms !== undefined,
  );
  const same = both.filter((result) => !differs(result)).length;
  const versions = [...new Set(dkms.map(({ version }) => version))].join(', ');
  return [
    `## ${release}`,
    '',
    [
      `DKMS ${versions}: ${count(dkms.map(({ outcome }) => outcome))}.`,
      ...(both.length === 0
        ? []
        : [
            `Lockstep: ${count(both.map(({ lockstep }) => lockstep?.verdict ?? ''))}.`,
            `The same for ${same} of ${both.length}.`,
          ]),
    ].join(' '),
    '',
    '| package | version | DKMS | s | Lockstep | s | | why |',
    '| --- | --- | --- | --: | --- | --: | --- | --- |',
    ...results.map(row),
    '',
  ].join('\n');
}

/** The Markdown page of a suite. @param all one for each kernel */
export function suitePage(suite: string, all: readonly Results[]): string {
  return [
    `# ${suite}: DKMS and Lockstep`,
    '',
    'Written by `npm run parity`; [docs/testing.md](../testing.md) says how. In brackets: the exit status of `dkms build`.',
    '',
    ...all.map(section),
  ].join('\n');
}

/** The lines for a terminal: where both differ, and how many don't. */
export function differenceLines(all: readonly Results[]): string[] {
  return all.flatMap(({ suite, release, results }) => {
    const both = results.filter(
      ({ dkms, lockstep }) => dkms !== undefined && lockstep !== undefined,
    );
    const different = both.filter(differs);
    return [
      `${suite} ${release}: ${both.length - different.length} of ${both.length} the same`,
      ...different.map(
        (result) =>
          `  ${result.package} ${result.version}: DKMS ${dkmsText(result.dkms)}, Lockstep ${result.lockstep?.verdict}: ${result.dkms?.error ?? result.lockstep?.reason}`,
      ),
    ];
  });
}
