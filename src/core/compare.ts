/** Orders two texts by their UTF-16 code units, alike on every machine: negative, zero or positive. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
