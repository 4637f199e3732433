import { formatStanza } from '../debian/control.ts';

export interface SourcesEntry {
  url: string;
  suite: string;
  component: string;
  architectures: readonly string[];
  /** ASCII-armoured. */
  publicKey: string;
}

/**
 * The file that goes into `/etc/apt/sources.list.d` (deb822, sources.list(5)), the key in it. It names the
 * architectures, so that apt does not ask for the other ones of a machine with several.
 */
export function formatSourcesFile(entry: SourcesEntry): string {
  const key = entry.publicKey
    .trimEnd()
    .split('\n')
    .map((line) => `\n ${line.trim() === '' ? '.' : line}`)
    .join('');
  return formatStanza([
    ['Types', 'deb'],
    ['URIs', entry.url],
    ['Suites', entry.suite],
    ['Components', entry.component],
    ['Architectures', entry.architectures.join(' ')],
    ['Signed-By', key],
  ]);
}
