import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { joinXz } from './xz-format.ts';

function xz(content: Buffer): Buffer {
  return execFileSync('xz', ['-c', '-1'], { input: content });
}

test.each([
  ['nothing', [0]],
  ['one block', [1000]],
  ['blocks of all kinds of sizes', [1, 2, 3, 4, 5, 127, 128, 70_000, 0, 300_000, 16]],
  ['hundreds of blocks', Array.from({ length: 300 }, (_, at) => at)],
])('%s: one stream that xz takes and reads to its end', (_name, sizes) => {
  const contents = sizes.map((size) => randomBytes(size));
  const joined = joinXz(contents.map(xz));
  const output = execFileSync('xz', ['-dc', '--single-stream'], {
    input: joined,
    maxBuffer: 1024 ** 3,
  });
  expect(output.equals(Buffer.concat(contents))).toBe(true);
  expect(execFileSync('xz', ['-t', '-'], { input: joined }).length).toBe(0);
});
