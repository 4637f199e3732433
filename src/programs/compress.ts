import { gzipSync } from 'node:zlib';
import * as fs from 'node:fs/promises';
import type { ModuleCompression } from '../model/records.ts';
import { runProgram } from './run.ts';

/** What the file name of a compressed module ends with, after `.ko`. */
export const COMPRESSION_SUFFIX: Record<ModuleCompression, string> = {
  none: '',
  gzip: '.gz',
  xz: '.xz',
  zstd: '.zst',
};

/**
 * Compresses a module in place with the settings of the kernel's own build (scripts/Makefile.modinst), which the
 * kernel's decompressor is sure to read.
 *
 * @returns the new path
 */
export async function compressModule(
  file: string,
  compression: ModuleCompression,
): Promise<string> {
  const target = `${file}${COMPRESSION_SUFFIX[compression]}`;
  switch (compression) {
    case 'none':
      break;
    case 'gzip':
      await fs.writeFile(target, gzipSync(await fs.readFile(file), { level: 9 }));
      await fs.rm(file);
      break;
    case 'xz':
      await runProgram('xz', ['--check=crc32', '--lzma2=dict=1MiB', '-T1', '-f', '--', file]);
      break;
    case 'zstd':
      await runProgram('zstd', ['-T1', '--rm', '-f', '-q', '--', file]);
      break;
  }
  return target;
}
