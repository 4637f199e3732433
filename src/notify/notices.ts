import type { Outcome } from '../model/timeline.ts';

/** One thing to tell of: a module that fails for some kernels, or does so no more. */
export interface Notice {
  type: 'failed' | 'mended';
  /** ISO 8601, UTC. */
  at: string;
  module: string;
  moduleVersion: string;
  kernels: { suite: string; release: string; architecture: string }[];
  /** Of the first kernel; empty for what is mended. */
  reason: string;
  /** The build whose log tells more. */
  key?: string | undefined;
  /** The first error lines of that log. */
  lines: string[];
}

type Told = Exclude<Outcome, { type: 'published' }>;

/** What new outcomes are worth telling: one notice a module version and kind, whatever the number of kernels. */
export function noticesOf(outcomes: readonly Outcome[]): Notice[] {
  const told = outcomes.filter((outcome) => outcome.type !== 'published');
  const groups = Map.groupBy(told, ({ type, module, moduleVersion }) =>
    [type, module, moduleVersion].join('\0'),
  );
  return [...groups.values()].flatMap((group) =>
    group.slice(0, 1).map((first) => noticeOf(first, group)),
  );
}

function noticeOf(first: Told, group: readonly Told[]): Notice {
  const { type, at, module, moduleVersion } = first;
  return {
    ...{ type, at, module, moduleVersion },
    kernels: group.map(({ suite, release, architecture }) => ({ suite, release, architecture })),
    ...(first.type === 'failed'
      ? { reason: first.reason, key: first.key }
      : { reason: '', key: undefined }),
    lines: [],
  };
}

/** A notice's subject: one line without control characters. */
export function subjectOf({ type, module, moduleVersion, kernels }: Notice): string {
  const [first] = kernels;
  const more = kernels.length > 1 ? ` and ${kernels.length - 1} more` : '';
  const what = type === 'failed' ? 'does not build for' : 'builds again for';
  return oneLine(`${module} ${moduleVersion} ${what} ${first?.release ?? 'no kernel'}${more}`);
}

/** A notice for people. @param origin of the repository */
export function textOf(notice: Notice, origin: string): string {
  const { kernels, reason, lines, at, module } = notice;
  const release = kernels[0]?.release ?? '';
  return [
    subjectOf(notice),
    '',
    ...kernels.map((kernel) => `  ${kernel.suite}  ${kernel.release}  ${kernel.architecture}`),
    ...(reason === '' ? [] : ['', oneLine(reason)]),
    ...(lines.length === 0 ? [] : ['', ...lines.map((line) => `  ${oneLine(line)}`)]),
    '',
    ...(notice.type === 'failed' ? [`More: lockstep why ${oneLine(`${module} ${release}`)}`] : []),
    `${oneLine(origin)}, ${at}`,
    '',
  ].join('\n');
}

/** Logs and names are untrusted text: nothing in them ends a line or a header. */
function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 500);
}
