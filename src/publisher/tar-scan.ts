const BLOCK = 512;

/** Longest name and longest captured file, in bytes: more is no package's. */
const MAX_KEPT = 16 * 1024 * 1024;

interface Header {
  name: string;
  type: string;
  size: number;
}

function textOf(block: Buffer, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  // Names are bytes; this keeps each of them.
  return field.toString('latin1', 0, end === -1 ? length : end);
}

/** A number as tar writes it: octal digits, or base 256 when the first bit is set. */
function numberOf(block: Buffer, at: number, length: number): number {
  if (((block[at] ?? 0) & 0x80) !== 0) {
    return block.subarray(at + 1, at + length).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  const digits = textOf(block, at, length).trim();
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function isSumRight(block: Buffer): boolean {
  const sum = block.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 32 : byte), 0);
  return numberOf(block, 148, 8) === sum;
}

function headerOf(block: Buffer): Header {
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? textOf(block, 345, 155) : '';
  const name = textOf(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: String.fromCharCode(block[156] ?? 0),
    size: numberOf(block, 124, 12),
  };
}

/** The `path` of a pax header's records (`LENGTH KEY=VALUE\n`), or undefined. */
function paxPath(records: string): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(records)?.[1];
}

/**
 * Lists a tar archive (GNU and POSIX, as dpkg-deb writes them) while its bytes pass by; of contents only one file's is
 * kept.
 */
export class TarScan {
  /** Paths of all that is no folder, without `./`; each character is one byte. */
  readonly files: string[] = [];
  readonly #wanted: string | undefined;
  #captured: Buffer | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #left = 0;
  #padding = 0;
  #keep: Buffer[] | undefined;
  #current: Header = { name: '', type: '', size: 0 };
  #longName: string | undefined;
  #ended = false;

  /** @param wanted name, without `./`, of the file whose content is kept */
  constructor(wanted?: string) {
    this.#wanted = wanted;
  }

  /** The content of the wanted file; undefined when it was not there. */
  get captured(): Buffer | undefined {
    return this.#captured;
  }

  /** Whether the archive's end was seen. */
  get isComplete(): boolean {
    return this.#ended;
  }

  /** @throws Error when this is no tar archive */
  feed(bytes: Buffer): void {
    let chunk = bytes;
    if (this.#rest.length > 0) {
      chunk = Buffer.concat([this.#rest, bytes]);
      this.#rest = Buffer.alloc(0);
    }
    let at = 0;
    while (at < chunk.length && !this.#ended) {
      if (this.#left > 0) {
        const part = chunk.subarray(at, at + this.#left);
        this.#keep?.push(Buffer.from(part));
        this.#left -= part.length;
        at += part.length;
        if (this.#left === 0) {
          this.#endFile();
        }
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, chunk.length - at);
        this.#padding -= skipped;
        at += skipped;
      } else if (chunk.length - at < BLOCK) {
        this.#rest = Buffer.from(chunk.subarray(at));
        return;
      } else {
        this.#begin(chunk.subarray(at, at + BLOCK));
        at += BLOCK;
      }
    }
  }

  #begin(block: Buffer): void {
    if (block.every((byte) => byte === 0)) {
      this.#ended = true;
      return;
    }
    if (!isSumRight(block)) {
      throw new Error('damaged tar archive');
    }
    const header = headerOf(block);
    const isKept = 'LKx'.includes(header.type) || this.#isWanted(header);
    if (!Number.isSafeInteger(header.size) || (isKept && header.size > MAX_KEPT)) {
      throw new Error('unusual tar archive');
    }
    this.#current = header;
    // Links, devices and folders have no content, whatever their size says.
    this.#left = '123456'.includes(header.type) ? 0 : header.size;
    this.#padding = (BLOCK - (this.#left % BLOCK)) % BLOCK;
    this.#keep = isKept ? [] : undefined;
    if (this.#left === 0) {
      this.#endFile();
    }
  }

  #isWanted({ name, type }: Header): boolean {
    return (
      this.#wanted !== undefined &&
      (type === '0' || type === '\0') &&
      (this.#longName ?? name).replace(/^\.\//, '') === this.#wanted
    );
  }

  #endFile(): void {
    const { name, type } = this.#current;
    const content = this.#keep === undefined ? undefined : Buffer.concat(this.#keep);
    this.#keep = undefined;
    switch (type) {
      case 'L':
        this.#longName = content?.toString('latin1').replace(/\0.*$/s, '');
        return;
      case 'x':
        this.#longName = paxPath(content?.toString('latin1') ?? '') ?? this.#longName;
        return;
      case 'K':
      case 'g':
        return;
      default: {
        const path = (this.#longName ?? name).replace(/^(?:\.?\/)+/, '');
        this.#longName = undefined;
        if (content !== undefined) {
          this.#captured = content;
        }
        if (type !== '5' && path !== '' && !path.endsWith('/')) {
          this.files.push(path);
        }
      }
    }
  }
}
