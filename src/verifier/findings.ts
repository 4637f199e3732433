/** What is wrong with a module file. */
export type FindingCode =
  /** Not an ELF file, or one whose tables do not hold together. */
  | 'ELF_INVALID'
  /** An ELF file that is no kernel module: not relocatable, or without what every module has. */
  | 'NOT_A_MODULE'
  /** For another architecture, class or byte order than the kernel's. */
  | 'WRONG_MACHINE'
  /** A value in `.modinfo` that no module has. */
  | 'MODINFO_INVALID'
  | 'VERMAGIC'
  | 'LICENSE_MISSING'
  /** The name in the file is not that of the file. */
  | 'NAME_MISMATCH'
  /** Two files of a build are the same module. */
  | 'NAME_DUPLICATE'
  /** The kernel has symbol versions, the module has none. */
  | 'VERSIONS_MISSING'
  | 'SYMBOL_UNKNOWN'
  | 'SYMBOL_CRC'
  | 'SYMBOL_GPL_ONLY'
  | 'SYMBOL_NAMESPACE'
  /** The module exports a symbol that the kernel itself exports. */
  | 'SYMBOL_DUPLICATE'
  /** The module was compiled without `-fno-common`. */
  | 'SYMBOL_COMMON'
  /** Stands for the findings of a file that are not listed. */
  | 'MORE';

export interface Finding {
  code: FindingCode;
  /** The module's file name. */
  file: string;
  /** One sentence for people. */
  message: string;
}

/** Findings listed for one file; a module for another kernel would have hundreds. */
const MOST_FINDINGS = 50;

/** Text from a module, fit for a log line: control and other unusual characters escaped, cut when long. */
export function shown(text: string): string {
  const cut = text.length > 160 ? `${text.slice(0, 160)}…` : text;
  return cut.replace(
    /[^\x20-\x7e…]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A CRC as Module.symvers writes it. */
export function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`;
}

/** Collects the findings of one file. */
export class Findings {
  readonly #file: string;
  readonly #list: Finding[] = [];
  #more = 0;

  constructor(file: string) {
    this.#file = file;
  }

  add(code: FindingCode, sentence: string): void {
    if (this.#list.length >= MOST_FINDINGS) {
      this.#more += 1;
      return;
    }
    this.#list.push({ code, file: this.#file, message: `${shown(this.#file)} ${sentence}` });
  }

  all(): Finding[] {
    if (this.#more === 0) {
      return this.#list;
    }
    const message = `${shown(this.#file)} has ${this.#more} more findings`;
    return [...this.#list, { code: 'MORE', file: this.#file, message }];
  }
}
