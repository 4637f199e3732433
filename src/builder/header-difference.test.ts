import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import { compareHeaders } from './header-difference.ts';

const at = useScratch('header-difference');
let count = 0;

const CONFIG = 'usr/src/linux-headers/include/generated/autoconf.h';
const VERSION = 'usr/src/linux-headers/include/generated/uapi/linux/version.h';

const FS = 'usr/src/linux-headers-common/include/linux/fs.h';

const BASE: Readonly<Record<string, string>> = {
  [CONFIG]: '/* Linux 6.12.1 */\n#define CONFIG_SMP 1\n#define CONFIG_NET_MODULE 1\n',
  [VERSION]: '#define LINUX_VERSION_CODE 396289\n',
  'usr/src/linux-headers-common/Makefile': 'VERSION = 6\n',
  'usr/src/linux-headers/Module.symvers': '0x1\tx\tvmlinux\tEXPORT_SYMBOL\t\n',
  'usr/src/linux-headers-common/include/linux/fs.h': 'fs\n',
  'usr/src/linux-headers-common/include/linux/net.h': '#ifdef CONFIG_NET\n#endif\n',
  'usr/src/linux-headers-common/include/linux/old.h': '',
  'usr/src/linux-headers-common/include/linux/ask.h': '#if LINUX_VERSION_CODE\n#endif\n',
};

/** An unpacked tree with some files other than the base's. @param files undefined leaves one out */
async function tree(files: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  count += 1;
  const folder = at(String(count));
  for (const [name, text] of Object.entries({ ...BASE, ...files })) {
    if (text !== undefined) {
      await fs.mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await fs.writeFile(path.join(folder, name), text);
    }
  }
  return [folder];
}

const compare = async (files: Readonly<Record<string, string | undefined>>) =>
  compareHeaders(await tree({}), await tree(files));

const NOTHING = {
  changed: [],
  added: [],
  options: [],
  version: undefined,
};

test('trees that are the same have no difference', async () => {
  expect(await compare({})).toEqual(NOTHING);
});

test('a header that differs, is gone or is new', async () => {
  expect(
    await compare({
      'usr/src/linux-headers-common/include/linux/fs.h': 'other\n',
      'usr/src/linux-headers-common/include/linux/old.h': undefined,
      'usr/src/linux-headers-common/include/linux/new.h': '',
      'usr/src/linux-headers-common/include/more/one.h': '',
    }),
  ).toEqual({
    ...NOTHING,
    changed: [
      '/usr/src/linux-headers-common/include/linux/fs.h',
      '/usr/src/linux-headers-common/include/linux/old.h',
    ],
    added: ['new.h', 'one.h'],
  });
});

test('an option that differs counts where it is asked for; a comment of the configuration does not', async () => {
  expect(await compare({ [CONFIG]: BASE[CONFIG]?.replace('6.12.1', '6.12.2') })).toEqual(NOTHING);
  expect(await compare({ [CONFIG]: BASE[CONFIG]?.replace('NET_MODULE', 'NET') })).toEqual({
    ...NOTHING,
    changed: ['/usr/src/linux-headers-common/include/linux/net.h'],
    options: ['CONFIG_NET', 'CONFIG_NET_MODULE'],
  });
});

test("the version counts where the kernel's own headers ask for it", async () => {
  expect(await compare({ [VERSION]: '#define LINUX_VERSION_CODE 396290\n' })).toEqual({
    ...NOTHING,
    changed: ['/usr/src/linux-headers-common/include/linux/ask.h'],
    version: [396289, 396290],
  });
});

test('exported symbols and kbuild are no headers', async () => {
  expect(
    await compare({
      'usr/src/linux-headers/Module.symvers': '',
      'usr/src/linux-headers-common/Makefile': 'VERSION = 7\n',
    }),
  ).toEqual(NOTHING);
});

test('a link counts by what it leads to', async () => {
  const [before, after] = [await tree({}), await tree({ [FS]: 'other\n' })];
  for (const [folder = ''] of [before, after]) {
    await fs.symlink('fs.h', path.join(folder, path.dirname(FS), 'link.h'));
  }
  expect((await compareHeaders(before, after))?.changed).toEqual([
    '/usr/src/linux-headers-common/include/linux/fs.h',
    '/usr/src/linux-headers-common/include/linux/link.h',
  ]);
});

test('what became a folder is not understood, and nothing is taken then', async () => {
  expect(await compare({ [FS]: undefined, [`${FS}/x.h`]: '' })).toBeUndefined();
});

test('another flavour is too different, and a missing tree can not be compared', async () => {
  const other = Array.from({ length: 500 }, (_, n) => `#define CONFIG_X${n} 1\n`).join('');
  expect(await compare({ [CONFIG]: other })).toBeUndefined();
  expect(await compareHeaders(await tree({}), [at('nowhere')])).toBeUndefined();
});
