import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import { layOutHeaders } from './header-layout.ts';

const at = useScratch('header-layout');

async function write(file: string, text: string): Promise<void> {
  await fs.mkdir(path.dirname(at(file)), { recursive: true });
  await fs.writeFile(at(file), text);
}

test('headers of a flavour lie at the constant place, and include the common ones there', async () => {
  const release = '7.2.13+deb14-arm64-16k';
  await write(
    `flavour/usr/src/linux-headers-${release}/Makefile`,
    `KBUILD_OUTPUT=/usr/src/linux-headers-${release}\ninclude /usr/src/linux-headers-7.2.13+deb14-common/Makefile\n`,
  );
  await layOutHeaders(at('flavour'));
  expect(await fs.readFile(at('flavour/usr/src/linux-headers/Makefile'), 'utf8')).toBe(
    'KBUILD_OUTPUT=/usr/src/linux-headers\ninclude /usr/src/linux-headers-common/Makefile\n',
  );
  expect(await fs.readlink(at(`flavour/usr/src/linux-headers-${release}`))).toBe('linux-headers');
});

test.each(['linux-headers-6.1.0-56-common', 'linux-headers-6.12.118+deb13-common-rt'])(
  'common headers lie at the constant place: %s',
  async (name) => {
    await write(`${name}/usr/src/${name}/Makefile`, 'VERSION = 6\n');
    await write(`${name}/usr/src/${name}/include/linux/fs.h`, '');
    await layOutHeaders(at(name));
    expect(await fs.readdir(at(`${name}/usr/src/linux-headers-common`))).toEqual([
      'Makefile',
      'include',
    ]);
    expect(await fs.readlink(at(`${name}/usr/src/${name}`))).toBe('linux-headers-common');
  },
);

test('a real-time flavour includes the common headers of its own', async () => {
  const name = 'linux-headers-6.12.118+deb13-rt-amd64';
  await write(
    `rt/usr/src/${name}/Makefile`,
    'include /usr/src/linux-headers-6.12.118+deb13-common-rt/Makefile\n',
  );
  await layOutHeaders(at('rt'));
  expect(await fs.readFile(at('rt/usr/src/linux-headers/Makefile'), 'utf8')).toBe(
    'include /usr/src/linux-headers-common/Makefile\n',
  );
});

test('other packages stay as they are', async () => {
  await write('kbuild/usr/lib/linux-kbuild-6.1/scripts/basic/fixdep', '');
  await layOutHeaders(at('kbuild'));
  expect(await fs.readdir(at('kbuild/usr'))).toEqual(['lib']);
});
