import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

/** A new folder, in memory where the machine has a place for that: a test that repeats a run waits for no disk. */
export async function makeScratch(prefix: string): Promise<string> {
  const memory = '/dev/shm';
  const isUsable = await fs.access(memory, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  return fs.mkdtemp(path.join(isUsable ? memory : tmpdir(), prefix));
}
