import { formatStanza } from '../debian/control.ts';

export interface SourcesEntry {
  url: string;
  suite: string;
  component: string;
  architectures: readonly string[];
  /** ASCII-armoured. */
  publicKey: string;
  /** Whether the suite has an index of source packages. */
  hasSources: boolean;
}

/**
 * The file that goes into `/etc/apt/sources.list.d` (deb822, sources.list(5)), the key in it. It names the
 * architectures, so that apt does not ask for the other ones of a machine with several.
 *
 * `deb-src`, so that `apt-get source` works where the packages are: apt fetches one more index, when it has changed.
 */
export function formatSourcesFile(entry: SourcesEntry): string {
  const key = entry.publicKey
    .trimEnd()
    .split('\n')
    .map((line) => `\n ${line.trim() === '' ? '.' : line}`)
    .join('');
  return formatStanza([
    ['Types', entry.hasSources ? 'deb deb-src' : 'deb'],
    ['URIs', entry.url],
    ['Suites', entry.suite],
    ['Components', entry.component],
    ['Architectures', entry.architectures.join(' ')],
    ['Signed-By', key],
  ]);
}
