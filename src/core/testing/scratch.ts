import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/**
 * A folder for the tests of one file, which every user may enter; it goes with the last of them.
 *
 * @returns a function that gives the path of something in it
 */
export function useScratch(name: string): (...parts: string[]) => string {
  let folder = '';
  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), `lockstep-${name}-`));
    await fs.chmod(folder, 0o755);
  });
  afterAll(async () => {
    await fs.rm(folder, { recursive: true, force: true });
  });
  return (...parts) => path.join(folder, ...parts);
}
