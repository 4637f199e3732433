import { type Elf, loadedData, malformed, readString, readWord } from './elf.ts';

/** The CRC that a module was built with, for each symbol it takes from elsewhere. */
export type SymbolVersions = ReadonlyMap<string, number>;

/** `struct modversion_info` of include/linux/module.h: an `unsigned long` and the name, together 64 bytes. */
const ENTRY_SIZE = 64;
const MOST_ENTRIES = 65_536;

function checkCount(count: number): void {
  if (count > MOST_ENTRIES) {
    throw malformed(`it has versions of ${count} symbols`);
  }
}

function wordsOf(elf: Elf, content: Buffer): (at: number) => number {
  const part = { ...elf, file: content };
  return (at) => readWord(part, at);
}

function readBasic(elf: Elf, content: Buffer): SymbolVersions {
  if (content.length % ENTRY_SIZE !== 0) {
    throw malformed('the size of its __versions is not a multiple of 64');
  }
  checkCount(content.length / ENTRY_SIZE);
  const word = wordsOf(elf, content);
  const low = elf.bits === 64 && !elf.littleEndian ? 4 : 0;
  const versions = new Map<string, number>();
  for (let at = 0; at < content.length; at += ENTRY_SIZE) {
    const name = readString(content.subarray(at + elf.bits / 8, at + ENTRY_SIZE), 0);
    if (!versions.has(name)) {
      versions.set(name, word(at + low));
    }
  }
  return versions;
}

function readExtended(elf: Elf, crcs: Buffer, names: Buffer): SymbolVersions {
  if (crcs.length % 4 !== 0) {
    throw malformed('the size of its __version_ext_crcs is not a multiple of 4');
  }
  checkCount(crcs.length / 4);
  const word = wordsOf(elf, crcs);
  const versions = new Map<string, number>();
  let nameAt = 0;
  for (let at = 0; at < crcs.length; at += 4) {
    if (nameAt >= names.length) {
      throw malformed('its __version_ext_crcs has more entries than __version_ext_names');
    }
    const name = readString(names, nameAt);
    nameAt += name.length + 1;
    if (!versions.has(name)) {
      versions.set(name, word(at));
    }
  }
  return versions;
}

/**
 * The symbol versions of a module (kernel/module/version.c): `__version_ext_crcs` with `__version_ext_names`
 * (kernels from 6.14) where they are there, else `__versions`.
 *
 * @returns undefined when the module has none
 * @throws LockstepError VERIFY_FAILED when they are malformed
 */
export function readVersions(elf: Elf): SymbolVersions | undefined {
  const crcs = loadedData(elf, '__version_ext_crcs');
  const names = loadedData(elf, '__version_ext_names');
  if (crcs !== undefined && names !== undefined) {
    return readExtended(elf, crcs, names);
  }
  const basic = loadedData(elf, '__versions');
  return basic === undefined ? undefined : readBasic(elf, basic);
}
