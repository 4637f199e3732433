import * as fs from 'node:fs/promises';
import * as path from 'node:path';

const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
const HOUR = 3_600_000;

/** The time that programs see which are started with its environment (faketime); it runs on, and leaps when it is told to. */
export class Clock {
  readonly env: Readonly<Record<string, string>>;
  readonly #file: string;
  #hours = 0;

  private constructor(file: string) {
    this.#file = file;
    this.env = {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      // Time that passes between two instants is real, and so are the dates of files.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  static async make(folder: string): Promise<Clock> {
    await fs.access(LIBRARY);
    const clock = new Clock(path.join(folder, 'faketime'));
    await clock.leap(0);
    return clock;
  }

  now(): Date {
    return new Date(Date.now() + this.#hours * HOUR);
  }

  async leap(hours: number): Promise<void> {
    this.#hours += Math.round(hours);
    const temporary = `${this.#file}.new`;
    await fs.writeFile(temporary, `+${this.#hours}h\n`);
    await fs.rename(temporary, this.#file);
  }
}
