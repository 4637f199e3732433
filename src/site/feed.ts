import { compareText } from '../core/compare.ts';
import { sha256 } from '../core/hash.ts';
import type { Outcome } from '../model/timeline.ts';
import type { SiteData } from './data.ts';
import { markup } from './markup.ts';
import { paths } from './paths.ts';
import { count, shortened } from './text.ts';

const MAX_ENTRIES = 100;
const MAX_LINES = 60;

/** What happened to one module at one instant, for any number of kernels. */
export interface Happening {
  at: string;
  type: Outcome['type'];
  module: string;
  version: string;
  /** At least one; one a kernel and suite. */
  outcomes: readonly Outcome[];
}

/** Outcomes that belong together, newest first. @param most how many are wanted */
export function happenings(outcomes: readonly Outcome[], most: number): Happening[] {
  const found = new Map<string, Happening & { outcomes: Outcome[] }>();
  const newestFirst = outcomes.toSorted((a, b) => compareText(b.at, a.at));
  for (const outcome of newestFirst) {
    const { at, type, module, moduleVersion } = outcome;
    const id = [at.slice(0, 16), type, module, moduleVersion].join('\0');
    const known = found.get(id);
    if (known !== undefined) {
      known.outcomes.push(outcome);
    } else if (found.size < most) {
      found.set(id, { at, type, module, version: moduleVersion, outcomes: [outcome] });
    } else {
      break;
    }
  }
  return [...found.values()];
}

/** `published for 3 kernels`, `failed for 6.12.118+deb13-amd64`. */
export function happeningText({ type, outcomes }: Happening): string {
  const releases = [...new Set(outcomes.map(({ release }) => release))];
  const kernels = releases.length === 1 ? (releases[0] ?? '') : count(releases.length, 'kernel');
  switch (type) {
    case 'published':
      return `published for ${kernels}`;
    case 'failed':
      return `failed for ${kernels}`;
    case 'mended':
      return `mended for ${kernels}`;
  }
}

/** The Atom feed (RFC 4287) of what was published, failed and was mended; of one module when it is named. */
export function feedXml(data: SiteData, module?: string): string {
  const own =
    module === undefined
      ? data.outcomes
      : data.outcomes.filter((outcome) => outcome.module === module);
  const path = module === undefined ? paths.feed : paths.moduleFeed(module);
  const page = module === undefined ? paths.overview : paths.module(module);
  const found = happenings(own, MAX_ENTRIES);
  const entries = found.map((happening) => {
    const { at, type, module: name, version, outcomes } = happening;
    const id = sha256([at, type, name, version, outcomes[0]?.release].join('\0')).slice(0, 32);
    const lines = outcomes
      .slice(0, MAX_LINES)
      .map(
        (outcome) =>
          `${outcome.release} (${outcome.architecture}) in ${outcome.suite}${outcome.type === 'failed' ? `: ${shortened(outcome.reason, 300)}` : ''}`,
      );
    const more = outcomes.length > MAX_LINES ? [`and ${outcomes.length - MAX_LINES} more`] : [];
    return markup`<entry>
<id>${data.url}${path}#${id}</id>
<title>${name} ${version} ${happeningText(happening)}</title>
<updated>${at}</updated>
<link rel="alternate" type="text/html" href="${data.url}${paths.module(name)}"/>
<category term="${type}"/>
<content type="text">${[...lines, ...more].join('\n')}</content>
</entry>
`;
  });
  const title = module === undefined ? data.origin : `${module} in ${data.origin}`;
  return markup`<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<id>${data.url}${path}</id>
<title>${title}: what was published, failed and mended</title>
<updated>${found[0]?.at ?? '1970-01-01T00:00:00.000Z'}</updated>
<author><name>${data.origin}</name></author>
<link rel="self" type="application/atom+xml" href="${data.url}${path}"/>
<link rel="alternate" type="text/html" href="${data.url}${page}"/>
<generator>Lockstep</generator>
${entries}</feed>
`.toString();
}
