import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import { mergeUsr, wasOutsideUsr } from './merged-usr.ts';

const at = useScratch('merged-usr');

async function tree(name: string, files: Record<string, string>): Promise<string> {
  const root = at(name);
  for (const [file, content] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await (content.startsWith('-> ')
      ? fs.symlink(content.slice(3), path.join(root, file))
      : fs.writeFile(path.join(root, file), content));
  }
  await mergeUsr(root);
  return root;
}

async function listing(root: string): Promise<string[]> {
  const entries = await fs.readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .toSorted();
}

describe('files outside /usr', () => {
  test('go below it, beside what is there', async () => {
    const root = await tree('both', {
      'lib/modules/5.10/build': '-> /usr/src/linux-headers-5.10',
      'lib/udev/rules.d/a': 'old',
      'usr/lib/udev/rules.d/a': 'new',
      'usr/lib/udev/rules.d/b': 'b',
      'bin/tool': 'x',
    });
    expect(await listing(root)).toEqual([
      '.lockstep-outside-usr',
      'usr/bin/tool',
      'usr/lib/modules/5.10/build',
      'usr/lib/udev/rules.d/a',
      'usr/lib/udev/rules.d/b',
    ]);
    expect(await fs.readFile(path.join(root, 'usr/lib/udev/rules.d/a'), 'utf8')).toBe('new');
    expect(await wasOutsideUsr(root)).toBe(true);
  });

  test('are looked for only in the package', async () => {
    const root = await tree('none', { 'usr/lib/x': 'x', 'etc/y': 'y' });
    expect(await listing(root)).toEqual(['etc/y', 'usr/lib/x']);
    expect(await wasOutsideUsr(root)).toBe(false);
  });

  test('never leave the package through a link', async () => {
    const outside = at('outside');
    await fs.mkdir(path.join(outside, 'udev'), { recursive: true });
    const linked = [
      { usr: `-> ${outside}`, 'lib/udev/evil': 'x' },
      { 'usr/lib': `-> ${outside}`, 'lib/udev/evil': 'x' },
      { 'usr/lib/udev': `-> ${outside}/udev`, 'lib/udev/evil': 'x' },
      { lib: `-> ${outside}`, 'usr/x': 'x' },
    ];
    for (const [index, files] of linked.entries()) {
      await tree(`linked-${index}`, { ...files });
    }
    expect(await fs.readdir(path.join(outside, 'udev'))).toEqual([]);
    expect(await fs.readdir(outside)).toEqual(['udev']);
  });
});
