import { LockstepError } from '../core/errors.ts';

/** A symbol that the kernel or a module exports. */
export interface ExportedSymbol {
  /** Undefined when it is not known, 0 when the symbol has none. */
  crc: number | undefined;
  /** `vmlinux`, or the module: its path in the kernel's tree without `.ko`, or its name. */
  module: string;
  /** Only for modules whose licence is compatible with the GPL. */
  gplOnly: boolean;
  /** Empty when the symbol is in none. */
  namespace: string;
}

/** Exported symbols by name. */
export type SymbolTable = ReadonlyMap<string, ExportedSymbol>;

/**
 * Export types that scripts/mod/modpost.c writes, and whether each is for GPL-compatible modules only. Those of
 * unused and future exports ended with 5.12.
 */
const EXPORT_TYPES: ReadonlyMap<string, boolean> = new Map([
  ['EXPORT_SYMBOL', false],
  ['EXPORT_SYMBOL_GPL', true],
  ['EXPORT_SYMBOL_GPL_FUTURE', false],
  ['EXPORT_UNUSED_SYMBOL', false],
  ['EXPORT_UNUSED_SYMBOL_GPL', true],
]);

const CRC = /^0x[0-9a-f]{1,8}$/;

function badLine(number: number, why: string): LockstepError {
  return new LockstepError('VERIFY_FAILED', `Module.symvers, line ${number}: ${why}`, {
    hint: 'the headers package is damaged: remove it from the cache and run again',
  });
}

/**
 * Parses a `Module.symvers` (Documentation/kbuild/modules.rst): CRC, symbol, module, export type and, from 5.4 on,
 * namespace, separated by tabs. The first line of a symbol counts.
 *
 * @throws LockstepError VERIFY_FAILED with the number of the first line that is not of this form
 */
export function parseSymvers(text: string): SymbolTable {
  const table = new Map<string, ExportedSymbol>();
  let number = 0;
  for (const line of text.split('\n')) {
    number += 1;
    if (line === '') {
      continue;
    }
    const [crc = '', name = '', module = '', type = '', namespace = '', ...rest] = line.split('\t');
    const gplOnly = EXPORT_TYPES.get(type);
    if (!CRC.test(crc)) {
      throw badLine(number, 'it does not begin with a CRC');
    }
    if (name === '' || module === '' || rest.length > 0) {
      throw badLine(number, 'it does not have four or five columns');
    }
    if (gplOnly === undefined) {
      throw badLine(number, `${JSON.stringify(type.slice(0, 80))} is not an export type`);
    }
    if (!table.has(name)) {
      table.set(name, { crc: Number(crc), module, gplOnly, namespace });
    }
  }
  return table;
}
