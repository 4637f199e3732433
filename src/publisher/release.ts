import { formatStanza, parseStanza, type Stanza } from '../debian/control.ts';
import type { IndexFile } from './indices.ts';

/** The fields of a suite's Release file, but for its date. */
export interface ReleaseFields {
  origin: string;
  label: string;
  suite: string;
  codename: string;
  notAutomatic: boolean;
  butAutomaticUpgrades: boolean;
  architectures: readonly string[];
  components: readonly string[];
  description: string | undefined;
  /** Days after its date on which it ends (`Valid-Until`); undefined: never. */
  validDays?: number | undefined;
  files: readonly IndexFile[];
}

/** A Release file as it was published. */
export interface PublishedRelease {
  /** The signed text. */
  text: string;
  date: Date;
  files: IndexFile[];
}

const DAY = 24 * 60 * 60 * 1000;

/** Whether half of the time for which a Release file holds is over: then it is to be signed anew. */
export function isAgeing(present: Date, now: Date, validDays: number | undefined): boolean {
  return validDays !== undefined && now.getTime() - present.getTime() >= (validDays * DAY) / 2;
}

/** An instant as Debian's Release files write it: RFC 5322 with `UTC`. */
export function formatDate(date: Date): string {
  return date.toUTCString().replace(/GMT$/, 'UTC');
}

/**
 * The Release file of a suite (wiki.debian.org/DebianRepository/Format).
 *
 * `No-Support-for-Architecture-all` says that the packages for all architectures stand in each architecture's
 * index. `Changelogs: no`: a module package's changelog says of its build what its version says, and lies in the package,
 * where `apt changelog` finds that of an installed one. There is no Release.gpg, since two files can't be replaced by one
 * rename; every apt since 2012 reads InRelease.
 */
export function formatRelease(release: ReleaseFields, date: Date): string {
  const files = release.files.map((file) => `\n ${file.sha256} ${file.size} ${file.path}`).join('');
  return formatStanza([
    ['Origin', release.origin],
    ['Label', release.label],
    ['Suite', release.suite],
    ['Codename', release.codename],
    ['Date', formatDate(date)],
    [
      'Valid-Until',
      release.validDays === undefined
        ? undefined
        : formatDate(new Date(date.getTime() + release.validDays * DAY)),
    ],
    ['Changelogs', 'no'],
    ['Acquire-By-Hash', 'yes'],
    ['NotAutomatic', release.notAutomatic ? 'yes' : undefined],
    ['ButAutomaticUpgrades', release.butAutomaticUpgrades ? 'yes' : undefined],
    ['No-Support-for-Architecture-all', 'Packages'],
    ['Architectures', release.architectures.join(' ')],
    ['Components', release.components.join(' ')],
    ['Description', release.description],
    ['SHA256', files],
  ]);
}

function readFiles(stanza: Stanza): IndexFile[] {
  return (stanza.get('SHA256') ?? '').split('\n').flatMap((line) => {
    const [sha256, size, path] = line.trim().split(/\s+/);
    return sha256 === undefined || size === undefined || path === undefined
      ? []
      : [{ path, sha256, size: Number(size) }];
  });
}

/** Reads a Release file; undefined when it has no date or no list of files. */
export function parseRelease(text: string): PublishedRelease | undefined {
  const stanza = parseStanza(text);
  const date = new Date(stanza.get('Date') ?? '');
  if (Number.isNaN(date.getTime()) || !stanza.has('SHA256')) {
    return undefined;
  }
  return { text, date, files: readFiles(stanza) };
}

/** The text of a clear-signed message with one signature (RFC 9580, section 7), or undefined. */
export function signedText(message: string): string | undefined {
  const match =
    /^-----BEGIN PGP SIGNED MESSAGE-----\n(?:[^\n]+\n)*\n(?<text>[^]*?)-----BEGIN PGP SIGNATURE-----\n/.exec(
      message,
    );
  return match?.groups?.['text']?.replace(/^- /gm, '');
}
