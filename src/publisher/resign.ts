import * as path from 'node:path';
import type { SigningKey } from './key.ts';
import type { FileOperations } from './operations.ts';
import type { SuiteHead } from './published.ts';

/**
 * Signs suites anew that nobody publishes any more, when keys have come or gone: machines may use them beside others, with the
 * same keys. Their text stays, and what no key of the repository has signed is not signed by it now.
 *
 * @param suites what lies in the folder
 * @param published names of the suites that are published as ever
 */
export async function resignOthers(
  directory: string,
  suites: Iterable<SuiteHead>,
  published: ReadonlySet<string>,
  key: SigningKey,
  disk: FileOperations,
  signal?: AbortSignal,
): Promise<void> {
  for (const { suite, live, inRelease, modified } of suites) {
    if (
      live !== undefined &&
      inRelease !== undefined &&
      !published.has(suite) &&
      !(await key.verify(inRelease)) &&
      (await key.isOurs(inRelease))
    ) {
      const file = path.join(directory, 'dists', suite, 'InRelease');
      const now = Math.max(Math.floor(Date.now() / 1000), modified + 1);
      await disk.write(file, await key.sign(live.text, signal), now);
    }
  }
  await disk.flush();
}
