import * as fs from 'node:fs/promises';
import type { Running, Scratch } from '../support/program.ts';
import type { Clock } from './clock.ts';

/** A watch that is killed and started again. */
export class Watcher {
  readonly #box: Scratch;
  readonly #clock: Clock;
  readonly #config: string;
  #running: Running | undefined;
  #isMeant = false;
  #said = '';
  kills = 0;
  /** What watches said that ended by themselves. */
  readonly ends: string[] = [];

  constructor(box: Scratch, clock: Clock, config: string) {
    this.#box = box;
    this.#clock = clock;
    this.#config = config;
  }

  start(): void {
    const args = ['watch', '-c', this.#config, '--period', '1'];
    const running = this.#box.start(args, { env: this.#clock.env });
    this.#running = running;
    this.#isMeant = false;
    this.#said = '';
    running.child.stderr?.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString('utf8')).slice(-20_000);
    });
    void this.#startAgain(running);
  }

  /** A watch that ends by itself is started again, as systemd does it. */
  async #startAgain(running: Running): Promise<void> {
    const { exitCode, stderr } = await running.end;
    if (this.#running === running && !this.#isMeant) {
      this.ends.push(`status ${exitCode}: ${stderr.split('\n').slice(-6).join('\n')}`);
      this.start();
    }
  }

  /** The end of what it has said since it was started. */
  said(): string {
    return this.#said;
  }

  /** Kills it as the kernel would, alone or with all its processes, and starts it again. */
  async kill(whom: 'program' | 'group'): Promise<void> {
    this.kills += 1;
    await this.#end('SIGKILL', whom);
    this.start();
  }

  /** @returns its exit status */
  async stop(): Promise<number | undefined> {
    return await this.#end('SIGTERM', 'program');
  }

  async #end(signal: NodeJS.Signals, whom: 'program' | 'group'): Promise<number | undefined> {
    this.#isMeant = true;
    const running = this.#running;
    running?.kill(signal, whom);
    return (await running?.end)?.exitCode;
  }

  /** Megabytes of memory that it has now. */
  async memory(): Promise<number> {
    const pid = this.#running?.child.pid ?? 0;
    const status = await fs.readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
  }
}
