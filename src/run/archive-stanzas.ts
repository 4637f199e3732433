import * as fs from 'node:fs/promises';
import type { ArchiveGroup } from '../archive/group.ts';

/** What decides whether a package can be installed. */
const FIELDS =
  /^(?:Package|Version|Architecture|Multi-Arch|Essential|Depends|Pre-Depends|Conflicts|Breaks|Provides): /i;
const LINE_FEED = 10;

/** The lines that matter, of whole lines; continuation lines are of none of these fields in an index. */
function cut(text: string): string {
  return text
    .split('\n')
    .filter((line) => line === '' || FIELDS.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/**
 * Writes what the indices of archives say of an architecture's packages into one file, as far as it decides whether
 * they can be installed.
 */
export async function writeStanzas(
  archives: readonly ArchiveGroup[],
  architecture: string,
  file: string,
): Promise<void> {
  await using handle = await fs.open(file, 'w');
  const decoder = new TextDecoder();
  for (const archive of archives) {
    for (const index of await archive.indices()) {
      if (index.architecture !== architecture && index.architecture !== 'all') {
        continue;
      }
      let rest = Buffer.alloc(0);
      for await (const chunk of archive.readIndex(index)) {
        const bytes = Buffer.concat([rest, chunk]);
        const end = bytes.lastIndexOf(LINE_FEED) + 1;
        await handle.write(cut(decoder.decode(bytes.subarray(0, Math.max(0, end - 1)))));
        rest = bytes.subarray(end);
      }
      await handle.write(`${cut(decoder.decode(rest))}\n`);
    }
  }
}
