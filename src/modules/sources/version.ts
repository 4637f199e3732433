/** What an upstream version may be (deb-version(7)), without the hyphen, which file and folder names split at. */
const UPSTREAM = /^[0-9][A-Za-z0-9.+~]{0,63}$/;

/** Words that stand before the release that they lead to: they sort before it. */
const PRE_RELEASE = /[-_.]?(?<word>rc|alpha|beta|pre|dev)(?=[-_.]?\d*(?:$|[-_.+]))/gi;

/**
 * A version as Debian orders it: `1.2-rc1` is `1.2~rc1`, other hyphens and underscores are `+`.
 *
 * @returns undefined when the text is no version
 */
export function upstreamVersion(text: string): string | undefined {
  const version = text
    .trim()
    .replace(PRE_RELEASE, (whole, word: string, at: number) => (at === 0 ? whole : `~${word}`))
    .replace(/[-_]/g, '+');
  return UPSTREAM.test(version) ? version : undefined;
}

/** The version that a tag is of: without the module's name, `v` and other words before it. */
export function versionOfTag(tag: string, name: string): string | undefined {
  const last = tag.split('/').at(-1) ?? '';
  const rest = last.toLowerCase().startsWith(name.toLowerCase()) ? last.slice(name.length) : last;
  return upstreamVersion(rest.replace(/^[^0-9]+/, ''));
}

/** The version of a commit that has none of its own: rises with its date. @param epoch seconds since 1970 */
export function versionOfCommit(commit: string, epoch: number): string {
  const date = new Date(epoch * 1000).toISOString().slice(0, 10).replaceAll('-', '');
  return `0+git${date}.${commit.slice(0, 7)}`;
}

/** The version of a tree that has none of its own. */
export function versionOfTree(sha256: string): string {
  return `0+${sha256.slice(0, 8)}`;
}

/**
 * The value that a dkms.conf gives a variable, where that can be told without running the file: one assignment, no
 * expansion in it.
 */
export function literalOf(conf: string, variable: string): string | undefined {
  const values = new Set<string | undefined>();
  for (const line of conf.split('\n')) {
    const groups = new RegExp(
      `^\\s*(?:export\\s+)?${variable}(?:\\[0\\])?\\+?=(?<value>[^]*)$`,
    ).exec(line)?.groups;
    if (groups !== undefined) {
      const value =
        /^(?:"(?<double>[^"$`\\]*)"|'(?<single>[^']*)'|(?<bare>[^\s"'$`\\;&|<>()]*))\s*(?:#.*)?$/.exec(
          (groups['value'] ?? '').trimEnd(),
        )?.groups;
      values.add(value?.['double'] ?? value?.['single'] ?? value?.['bare']);
    }
  }
  const [value] = values;
  return values.size === 1 && value !== '' ? value : undefined;
}
