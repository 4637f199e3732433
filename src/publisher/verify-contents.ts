import type { Stanza } from '../debian/control.ts';
import { listedPaths, parseContents } from './contents-index.ts';
import type { DebMetadata } from './deb.ts';
import type { Defect } from './verify.ts';

/** Compares what `Contents` indices say with what is in the packages. */
export class ContentsCheck {
  /** By the index's name: its lines, each as `path package`. */
  readonly #listed = new Map<string, Set<string>>();
  readonly #expected = new Map<string, Set<string>>();
  /** Which indices a package, by its file, belongs into. */
  readonly #indicesOf = new Map<string, Set<string>>();
  /** Indices of which a package could not be read: they can't be judged. */
  readonly #read = new Set<string>();

  /**
   * @param file a Packages index of the suite: `main/binary-amd64/Packages`
   * @param texts all indices of the suite
   */
  expect(
    suite: string,
    file: string,
    stanzas: readonly Stanza[],
    texts: ReadonlyMap<string, Buffer>,
  ): void {
    const contents = file.replace(/binary-([^/]+)\/Packages$/, 'Contents-$1');
    const text = texts.get(contents);
    if (text === undefined) {
      return;
    }
    const what = `dists/${suite}/${contents}.gz`;
    const lines = [...parseContents(text.toString('latin1'))];
    this.#listed.set(
      what,
      new Set(lines.flatMap(([path, names]) => names.map((name) => `${path} ${name}`))),
    );
    this.#expected.set(what, new Set());
    for (const stanza of stanzas) {
      const filename = stanza.get('Filename') ?? '';
      const indices = this.#indicesOf.get(filename) ?? new Set();
      this.#indicesOf.set(filename, indices.add(what));
    }
  }

  /** Tells what is in a package. */
  found(filename: string, deb: DebMetadata | undefined): void {
    this.#read.add(filename);
    for (const what of this.#indicesOf.get(filename) ?? []) {
      for (const path of listedPaths(deb?.files.join('\n') ?? '')) {
        this.#expected.get(what)?.add(`${path} ${deb?.qualified ?? ''}`);
      }
    }
  }

  /** What is in packages and not said, or said and in none; of each index the first line in which it shows. */
  defects(): Defect[] {
    const unread = new Set<string>();
    for (const [filename, indices] of this.#indicesOf) {
      for (const what of this.#read.has(filename) ? [] : indices) {
        unread.add(what);
      }
    }
    const defects: Defect[] = [];
    for (const [what, listed] of this.#listed) {
      const expected = this.#expected.get(what) ?? new Set();
      const [lacking] = [...expected].filter((line) => !listed.has(line)).sort();
      const [wrong] = [...listed].filter((line) => !expected.has(line)).sort();
      if (lacking !== undefined) {
        defects.push({ what, problem: `does not say ${lacking}`, isDamaged: true });
      }
      if (wrong !== undefined && !unread.has(what)) {
        defects.push({ what, problem: `says what is in no package: ${wrong}`, isDamaged: true });
      }
    }
    return defects;
  }
}
