import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { useScratch } from '../../core/testing/scratch.ts';
import { findCopyright } from './copyright.ts';

const at = useScratch('copyright');

async function found(
  name: string,
  files: readonly string[],
  folder = '',
  links: Record<string, string> = {},
): Promise<string | undefined> {
  for (const file of files) {
    await fs.mkdir(path.dirname(at(name, file)), { recursive: true });
    await fs.writeFile(at(name, file), file);
  }
  for (const [link, target] of Object.entries(links)) {
    await fs.mkdir(path.dirname(at(name, link)), { recursive: true });
    await fs.symlink(target, at(name, link));
  }
  await fs.mkdir(at(name, folder), { recursive: true });
  return (await findCopyright(await fs.realpath(at(name)), folder))?.toString();
}

describe('the copyright file of a source', () => {
  test('is debian/copyright, COPYING or LICENSE*, in this order', async () => {
    const all = ['LICENSE.md', 'COPYING', 'debian/copyright', 'LICENSE'];
    expect(await found('a', all)).toBe('debian/copyright');
    expect(await found('b', ['LICENSE.md', 'COPYING'])).toBe('COPYING');
    expect(await found('c', ['LICENSE.md', 'LICENSE'])).toBe('LICENSE');
    expect(await found('d', ['README'])).toBeUndefined();
  });

  test('is the nearest one', async () => {
    expect(await found('e', ['LICENSE', 'x/y/z'], 'x/y')).toBe('LICENSE');
    expect(await found('f', ['debian/copyright', 'x/COPYING'], 'x')).toBe('x/COPYING');
  });

  test('is never one that a link leads to outside', async () => {
    await fs.mkdir(at('outside'));
    await fs.writeFile(at('outside/copyright'), 'secret');
    expect(await found('g', [], '', { debian: at('outside') })).toBeUndefined();
    expect(await found('h', [], '', { COPYING: at('outside/copyright') })).toBeUndefined();
    expect(await found('i', ['doc/copyright'], '', { debian: 'doc' })).toBe('doc/copyright');
  });
});
