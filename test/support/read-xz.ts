import { execa } from 'execa';

/** The text of an .xz file's bytes. */
export async function readXz(bytes: Uint8Array): Promise<string> {
  const result = await execa('xz', ['--decompress', '--stdout'], {
    input: bytes,
    maxBuffer: 1_000_000_000,
  });
  return result.stdout;
}
