import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { runProgram } from '../../src/programs/run.ts';

/** Less than this much is left when it is full. */
const LEFT_BYTES = 2_000_000;

/** A file system of its own, which can be filled. */
export class SmallDisk implements AsyncDisposable {
  readonly folder: string;
  readonly #ballast: string;
  readonly #image: string;

  private constructor(image: string, folder: string) {
    this.#image = image;
    this.folder = folder;
    this.#ballast = path.join(folder, 'ballast');
  }

  /** @param folder where it is mounted; made */
  static async mount(image: string, folder: string, megabytes: number): Promise<SmallDisk> {
    await runProgram('truncate', ['-s', `${megabytes}M`, image]);
    await runProgram('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
    await fs.mkdir(folder);
    await runProgram('mount', ['-o', 'loop', image, folder]);
    await fs.rm(path.join(folder, 'lost+found'), { recursive: true });
    return new SmallDisk(image, folder);
  }

  async fill(): Promise<void> {
    const { bavail, bsize } = await fs.statfs(this.folder);
    const bytes = Math.max(0, bavail * bsize - LEFT_BYTES);
    await runProgram('fallocate', ['-l', String(bytes), this.#ballast]);
  }

  async empty(): Promise<void> {
    await fs.rm(this.#ballast, { force: true });
  }

  /** @throws what keeps it from being unmounted: somebody uses it still */
  async [Symbol.asyncDispose](): Promise<void> {
    await runProgram('umount', [this.folder]);
    await fs.rm(this.#image);
  }
}
