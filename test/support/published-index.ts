import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';

/**
 * Text of an index of a published repository; only its compressed forms are there.
 *
 * @param name path below the suite's folder, of the plain form: `main/binary-amd64/Packages`
 */
export async function publishedIndex(
  repository: string,
  suite: string,
  name: string,
): Promise<string> {
  const file = path.join(repository, 'dists', suite, `${name}.gz`);
  return gunzipSync(await fs.readFile(file)).toString('utf8');
}
