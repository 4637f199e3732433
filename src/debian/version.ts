/** A Debian version split as deb-version(7) says. */
export interface DebianVersion {
  /** 0 when the version has none. */
  epoch: number;
  upstream: string;
  /** Empty when the version has none, which orders like `0`. */
  revision: string;
}

/** Splits a version; the colon and the last hyphen are the separators (deb-version(7)). */
export function parseVersion(version: string): DebianVersion {
  const colon = version.indexOf(':');
  const epoch = colon === -1 ? 0 : Number(version.slice(0, colon));
  const rest = colon === -1 ? version : version.slice(colon + 1);
  const hyphen = rest.lastIndexOf('-');
  return {
    epoch,
    upstream: hyphen === -1 ? rest : rest.slice(0, hyphen),
    revision: hyphen === -1 ? '' : rest.slice(hyphen + 1),
  };
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** The weight of one character: `~` before the end, digits like the end, letters, then everything else. */
function weight(code: number): number {
  if (Number.isNaN(code) || isDigit(code)) {
    return 0;
  }
  if (code === 126) {
    return -1;
  }
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isLetter ? code : code + 256;
}

/** dpkg's `verrevcmp`: alternating runs of other characters (by weight) and digits (as numbers). */
function compareParts(left: string, right: string): number {
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    while (
      (i < left.length && !isDigit(left.charCodeAt(i))) ||
      (j < right.length && !isDigit(right.charCodeAt(j)))
    ) {
      const difference = weight(left.charCodeAt(i)) - weight(right.charCodeAt(j));
      if (difference !== 0) {
        return difference;
      }
      i += 1;
      j += 1;
    }
    while (left[i] === '0') {
      i += 1;
    }
    while (right[j] === '0') {
      j += 1;
    }
    let firstDifference = 0;
    while (isDigit(left.charCodeAt(i)) && isDigit(right.charCodeAt(j))) {
      if (firstDifference === 0) {
        firstDifference = left.charCodeAt(i) - right.charCodeAt(j);
      }
      i += 1;
      j += 1;
    }
    if (isDigit(left.charCodeAt(i))) {
      return 1;
    }
    if (isDigit(right.charCodeAt(j))) {
      return -1;
    }
    if (firstDifference !== 0) {
      return firstDifference;
    }
  }
  return 0;
}

/** Orders two versions as `dpkg --compare-versions` does: negative, zero or positive. */
export function compareVersions(left: string, right: string): number {
  const a = parseVersion(left);
  const b = parseVersion(right);
  return (
    Math.sign(a.epoch - b.epoch) ||
    Math.sign(compareParts(a.upstream, b.upstream)) ||
    Math.sign(compareParts(a.revision, b.revision))
  );
}

/** The version as it stands in file names: without its epoch. */
export function withoutEpoch(version: string): string {
  return version.slice(version.indexOf(':') + 1);
}
