import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseStanza, type Stanza } from '../../src/debian/control.ts';

/** Looks at a repository all the time and notes each state of it that it sees. */
export class Observer {
  readonly #suite: string;
  readonly #timer: NodeJS.Timeout;
  readonly #hashes = new Map<string, string>();
  #seen = '';
  #packages = new Map<string, Stanza>();
  #looking: Promise<void> | undefined;
  /** States of the repository that were seen. */
  generations = 0;
  /** Names that had two contents. */
  readonly conflicts = new Set<string>();

  constructor(repository: string, suite: string) {
    this.#suite = path.join(repository, 'dists', suite);
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }, 100);
  }

  /** The packages of the newest state, by name. */
  get packages(): ReadonlyMap<string, Stanza> {
    return this.#packages;
  }

  get count(): number {
    return this.#hashes.size;
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#look();
  }

  async #look(): Promise<void> {
    const file = path.join(this.#suite, 'InRelease');
    const stat = await fs.stat(file).catch(() => undefined);
    const id = `${stat?.ino} ${stat?.mtimeMs}`;
    if (stat === undefined || id === this.#seen) {
      return;
    }
    const index = await fs.readFile(path.join(this.#suite, 'main/binary-amd64/Packages.gz'));
    const text = gunzipSync(index).toString('utf8');
    this.#seen = id;
    this.generations += 1;
    const stanzas = text
      .split('\n\n')
      .filter((stanza) => stanza.trim() !== '')
      .map((stanza) => parseStanza(stanza));
    for (const stanza of stanzas) {
      const of = (field: string): string => stanza.get(field) ?? '';
      const hash = of('SHA256');
      this.#note(`${of('Package')} ${of('Version')} ${of('Architecture')}`, hash);
      this.#note(of('Filename'), hash);
    }
    this.#packages = new Map(stanzas.map((stanza) => [stanza.get('Package') ?? '', stanza]));
  }

  #note(name: string, hash: string): void {
    const known = this.#hashes.get(name) ?? hash;
    this.#hashes.set(name, known);
    if (known !== hash) {
      this.conflicts.add(name);
    }
  }
}
