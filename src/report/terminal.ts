import type { LockstepEvent } from '../model/events.ts';
import { eventLine, formatSeconds, printable } from './text.ts';

/** Where lines go; a terminal has columns, and its last line can be written again. */
export interface Screen {
  write(text: string): void;
  isTerminal: boolean;
  columns(): number;
}

const REDRAW_MILLISECONDS = 500;

/**
 * Presents events as lines; on a terminal a status line below them says what runs now, what is left and how long it
 * may take.
 */
export class TerminalReport {
  readonly #screen: Screen;
  readonly #running = new Map<string, number>();
  #queued = 0;
  #done = 0;
  #spent = 0;
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  present(event: LockstepEvent): void {
    const id = 'module' in event ? `${event.module} ${event.release}` : '';
    switch (event.type) {
      case 'plan':
        // What a plan has queued is all that is left: what was built before it counts no more.
        this.#queued = event.queued;
        this.#done = 0;
        this.#spent = 0;
        break;
      case 'target-started':
        this.#running.set(id, Date.now());
        this.#start();
        break;
      case 'target-done':
        this.#running.delete(id);
        this.#done += 1;
        this.#spent += event.seconds;
        break;
      case 'fetch':
      case 'phase':
      case 'phase-done':
      case 'published':
      case 'unchanged':
      case 'warning':
        break;
    }
    const quiet = this.#screen.isTerminal && event.type === 'target-started';
    const line = quiet ? undefined : eventLine(event);
    this.#erase();
    if (line !== undefined) {
      this.#screen.write(`${printable(line)}\n`);
    }
    this.#draw();
    if (this.#done >= this.#queued) {
      this.end();
    }
  }

  /** Takes the status line away. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#erase();
  }

  #start(): void {
    if (this.#screen.isTerminal && this.#timer === undefined) {
      this.#timer = setInterval(() => {
        this.#erase();
        this.#draw();
      }, REDRAW_MILLISECONDS);
      this.#timer.unref();
    }
  }

  #erase(): void {
    if (this.#drawn) {
      this.#screen.write('\r\u001b[K');
      this.#drawn = false;
    }
  }

  #draw(): void {
    if (!this.#screen.isTerminal || this.#running.size === 0) {
      return;
    }
    const left = this.#queued - this.#done;
    const now = [...this.#running].map(
      ([id, began]) => `${id} (${formatSeconds((Date.now() - began) / 1000)})`,
    );
    const each = this.#done === 0 ? undefined : this.#spent / this.#done;
    const eta =
      each === undefined
        ? ''
        : `, about ${formatSeconds((each * left) / Math.max(1, this.#running.size))} more`;
    const text = printable(`[${this.#done}/${this.#queued}${eta}] ${now.join(', ')}`);
    this.#screen.write(text.slice(0, Math.max(20, this.#screen.columns() - 1)));
    this.#drawn = true;
  }
}
