import { AnsiReader, plainText } from './ansi.ts';
import type { SiteBuild, SiteData } from './data.ts';
import { renderPage, type SiteFile, time } from './layout.ts';
import { cutLog, type LogLine } from './log-cut.ts';
import { badge, MARKS } from './marks.ts';
import { join, type Markup, markup, NOTHING } from './markup.ts';
import { link, moduleAnchor, paths } from './paths.ts';
import { count, formatDuration, shortened } from './text.ts';
import { VERDICTS } from '../model/verdicts.ts';

/** What a log is of. */
export interface LogSubject {
  module: string;
  version: string;
  release: string;
  architecture: string;
  kernelVersion: string;
  reason: string;
  build: SiteBuild;
}

/** The page of a build's log: errors first, then the log, long ones cut in the middle. @param text all of it */
export function logPage(
  frame: Pick<SiteData, 'origin' | 'url' | 'at'>,
  subject: LogSubject,
  text: string,
): SiteFile {
  const { module, version, release, architecture, kernelVersion, reason, build } = subject;
  const path = paths.log(build.key);
  const whole = link(path, paths.logText(build.key));
  const kernelPage = link(path, paths.kernel({ release, architecture }));
  const { runs, errors, total, isCut } = cutLog(text);
  const reader = new AnsiReader();
  return renderPage(frame, {
    ...{ path, title: `Build log of ${module}`, section: 'modules', isWide: true },
    above: [
      { label: 'Modules', path: paths.modules },
      { label: module, path: paths.module(module) },
    ],
    body: markup`<h1>${module} <span class="muted">for</span> <span class="mono">${release}</span></h1>
<p>${outcomeBadge(build)} <span class="why">${reason}</span></p>
<dl class="facts">
<div><dt>Module</dt><dd><a href="${link(path, paths.module(module))}">${module}</a> ${version}</dd></div>
<div><dt>Kernel</dt><dd><a href="${kernelPage}#${moduleAnchor(module)}">${release}</a> ${kernelVersion} on ${architecture}</dd></div>
<div><dt>Built</dt><dd>${time(build.finished)}, in ${formatDuration(build.seconds)}${build.attempts > 1 ? `, attempt ${build.attempts}` : ''}</dd></div>
<div><dt>Build key</dt><dd class="mono key">${build.key}</dd></div>
</dl>
${errorList(errors)}
<h2>Log</h2>
<p>${count(total, 'line')}${isCut ? ', cut in the middle' : ''}. <a href="${whole}" type="text/plain">The whole log as plain text</a></p>
${total === 0 ? markup`<p class="note">The log is empty.</p>` : markup`<div class="log" tabindex="0" role="region" aria-label="Build log"><pre>${join(runs.map(({ leftOut, lines }) => join([leftOut > 0 ? markup`<span class="cut">${count(leftOut, 'line')} left out: <a href="${whole}">the whole log</a></span>` : NOTHING, ...lines.map((line) => logLine(line, reader))])))}</pre></div>`}`,
  });
}

/** What came of a build: one that is good is good, whether it is published yet or not. */
function outcomeBadge({ outcome }: SiteBuild): Markup {
  const verdict = VERDICTS.find((one) => one === outcome);
  return verdict === undefined
    ? markup`${outcome}`
    : badge(verdict, verdict === 'built' ? MARKS.published : MARKS[verdict]);
}

function errorList(errors: readonly LogLine[]): Markup {
  if (errors.length === 0) {
    return NOTHING;
  }
  const entries = errors.map(
    ({ number, text }) =>
      markup`<li><a href="#L${number}">Line ${number}</a> <code>${shortened(plainText(text).trim(), 240)}</code></li>`,
  );
  return markup`<h2>Errors</h2><ol class="errors">${entries}</ol>`;
}

function logLine({ number, text, kind }: LogLine, reader: AnsiReader): Markup {
  const spans = reader
    .line(text)
    .map((span) =>
      span.classes === ''
        ? markup`${span.text}`
        : markup`<span class="${span.classes}">${span.text}</span>`,
    );
  const content = kind === 'error' ? markup`<mark>${spans}</mark>` : join(spans);
  return markup`<span class="l${kind === 'plain' ? '' : ` ${kind}`}" id="L${number}" data-n="${number}">${content}
</span>`;
}
