import { gzipSync } from 'node:zlib';

/** A date as changelogs have it (deb-changelog(5)), UTC. */
export function changelogDate(epoch: number): string {
  return new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
}

/** A changelog of one entry, compressed as Policy 12.7 asks: no name and no time stamp in it. */
export function changelog(options: {
  source: string;
  version: string;
  distribution: string;
  change: string;
  maintainer: string;
  epoch: number;
}): Buffer {
  const { source, version, distribution, change, maintainer, epoch } = options;
  const text = [
    `${source} (${version}) ${distribution}; urgency=medium`,
    '',
    ...wrap(change, 74).map((line, index) => `${index === 0 ? '  * ' : '    '}${line}`),
    '',
    ` -- ${maintainer}  ${changelogDate(epoch)}`,
    '',
  ].join('\n');
  return gzipSync(text, { level: 9 });
}

/** One more thing that lintian would say of a package. */
export interface LintianOverride {
  reason: string;
  tag: string;
}

/** What lintian would say of a package whose version is its first in Debian, and is not in it. */
export const NOT_UPLOADED: LintianOverride = {
  reason: 'It comes from its repository, not by an upload to Debian.',
  tag: 'initial-upload-closes-no-bugs *',
};

/** What lintian would say of every package of this kind, each with the reason why it is so. */
export function lintianOverrides(name: string, more: readonly LintianOverride[] = []): string {
  return [
    "# The name has to end with the kernel's release or flavour: apt protects and removes such packages with their kernel.",
    `${name}: package-has-long-file-name *`,
    "# The revision carries the kernel's version, so that it rises when the module's or the kernel's does.",
    `${name}: debian-revision-not-well-formed *`,
    ...more.flatMap(({ reason, tag }) => [`# ${reason}`, `${name}: ${tag}`]),
    '',
  ].join('\n');
}

/** Folds an extended description: lines begin with a space, empty ones are ` .` (Policy 5.6.13). */
export function description(summary: string, paragraphs: readonly string[]): string {
  const lines = paragraphs.map((paragraph) => wrap(paragraph, 76).map((line) => `\n ${line}`));
  return summary + lines.map((group) => group.join('')).join('\n .');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, line];
}
