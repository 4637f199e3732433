import type { Markup } from './markup.ts';

/** What a part of a list may take: with the page around it that stays well below a megabyte. */
const PART_BYTES = 600_000;

/**
 * Cuts a list into parts that each make one page. @param most entries of a part, however short
 */
export function chunksOf<Value>(
  values: readonly Value[],
  render: (value: Value) => Markup,
  most: number,
): Markup[][] {
  const parts: Markup[][] = [];
  let current: Markup[] = [];
  let bytes = 0;
  for (const value of values) {
    const piece = render(value);
    const size = Buffer.byteLength(piece.toString());
    if (current.length > 0 && (current.length >= most || bytes + size > PART_BYTES)) {
      parts.push(current);
      current = [];
      bytes = 0;
    }
    current.push(piece);
    bytes += size;
  }
  return current.length > 0 || parts.length === 0 ? [...parts, current] : parts;
}
