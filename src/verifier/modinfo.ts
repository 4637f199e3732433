import { type Elf, loadedData, malformed } from './elf.ts';

/** The values of each key of `.modinfo`, in the file's order. */
export type Modinfo = ReadonlyMap<string, readonly string[]>;

/** Bytes; the aliases of the largest drivers take about a tenth of this. */
const LARGEST = 1024 * 1024;

/**
 * Parses the content of `.modinfo`: NUL-terminated `key=value` strings, with any number of NULs between them.
 * Strings without `=` are passed over, as the kernel does.
 *
 * @throws LockstepError VERIFY_FAILED when it is absurdly large
 */
export function parseModinfo(content: Buffer): Modinfo {
  if (content.length > LARGEST) {
    throw malformed(`its .modinfo has ${content.length} bytes`);
  }
  const values = new Map<string, string[]>();
  for (const entry of content.toString('utf8').split('\0')) {
    const equals = entry.indexOf('=');
    if (equals > 0) {
      const key = entry.slice(0, equals);
      const present = values.get(key);
      if (present === undefined) {
        values.set(key, [entry.slice(equals + 1)]);
      } else {
        present.push(entry.slice(equals + 1));
      }
    }
  }
  return values;
}

/** The module's `.modinfo`, or undefined when it has none. @throws LockstepError VERIFY_FAILED */
export function readModinfo(elf: Elf): Modinfo | undefined {
  const content = loadedData(elf, '.modinfo');
  return content === undefined ? undefined : parseModinfo(content);
}

/** The first value of a key, which is the one that the kernel looks at. */
export function firstValue(modinfo: Modinfo, key: string): string | undefined {
  return modinfo.get(key)?.[0];
}

const PRINTABLE = /^[\x20-\x7e]{0,1024}$/;

/** Whether a value is fit for records, logs and package fields: printable ASCII of a sane length. */
export function isPrintable(value: string): boolean {
  return PRINTABLE.test(value);
}
