import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseRecord } from '../src/ledger/schema.ts';
import type { BuildRecord } from '../src/model/records.ts';
import type { OwnPackage } from './support/small-archive.ts';
import type { SuitesHome } from './support/suites-home.ts';
import { type SuitesStage, suitesStage } from './support/suites-stage.ts';
import type { TestKernel } from './support/test-kernels.ts';

let stage: SuitesStage;
let home: SuitesHome;
let first: TestKernel;
let second: TestKernel;
let parts: OwnPackage;
let asker: OwnPackage;

/**
 * `parts` has an object of each kind: one that no difference between the kernels concerns, one that has the release in
 * it, and one that a generated header is compiled into.
 */
beforeAll(async () => {
  stage = await suitesStage('neighbour');
  first = await stage.kernel({ release: '6.12.201+deb13-cloud-amd64', version: '6.12.201-1' });
  second = await stage.kernel({ release: '6.12.202+deb13-cloud-amd64', version: '6.12.202-1' });
  parts = await stage.module({
    name: 'parts',
    version: '1.0',
    kbuild: [
      'obj-m := parts.o',
      'parts-y := main.o same.o release.o made.o',
      '$(obj)/made.o: $(obj)/made.h',
      '$(obj)/made.h: FORCE',
      '\techo "#define MADE 7" >$@',
      '',
    ].join('\n'),
    files: {
      'main.c': '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("x");\n',
      'same.c':
        '#include <linux/version.h>\n#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)\nint parts_same(void);\nint parts_same(void) { return 1; }\n#endif\n',
      'release.c':
        '#include <generated/utsrelease.h>\nconst char *parts_release(void);\nconst char *parts_release(void) { return UTS_RELEASE; }\n',
      'made.c': '#include "made.h"\nint parts_made(void);\nint parts_made(void) { return MADE; }\n',
    },
  });
  // What it is depends on a configure script that tries to compile.
  asker = await stage.module({
    name: 'asker',
    version: '1.0',
    conf: 'PRE_BUILD="configure.sh"',
    code: '#include "found.h"\nint asker_found = FOUND;',
    files: {
      'configure.sh': `#!/bin/sh
mkdir -p try && cd try || exit 1
for number in 1 2 3; do
  rm -f * .[!.]*
  echo 'obj-m := one.o' >Kbuild
  printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("x");\nint x = %s;\n' $number >one.c
  make -C "$kernel_source_dir" M="$PWD" modules || exit 1
done
# What kbuild asks the compiler at each start was asked before any build; a clean build has none of it.
if test -d /out/objects; then
  test "$(ls /usr/lib/lockstep/answers | wc -l)" -ge 20 || exit 1
  test "$(ls /tmp/lockstep-cc/answers | wc -l)" -le 4 || exit 1
else
  test -e /usr/lib/lockstep/answers && exit 1
fi
# What kbuild puts to each of them is compiled once, in a first build.
if test -d /out/objects && ! test -d /usr/lib/lockstep/objects; then
  test "$(wc -l </out/objects/again)" -ge 2 || exit 1
fi
rm -f * .[!.]*
echo 'obj-m := good.o bad.o' >Kbuild
echo '#include <linux/fs.h>' >good.c
printf '#include <linux/fs.h>\\nint x = no_such_thing;\\n' >bad.c
make -k -C "$kernel_source_dir" M="$PWD" modules
test -f good.o && ! test -f bad.o || exit 1
echo '#define FOUND 1' >../found.h
`,
    },
  });
  home = await stage.home('home');
  await home.configure({
    archives: [stage.entry('stable')],
    modules: ['parts-dkms', 'asker-dkms'],
    more: { cache: { checkEvery: 1 } },
  });
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
});

async function setKernels(...kernels: TestKernel[]): Promise<void> {
  const last = kernels.at(-1) ?? first;
  const packages = kernels.flatMap((kernel) => kernel.packages);
  await stage.archive.setSuite('stable', {
    packages: [...packages, await stage.meta(last), parts, asker],
  });
}

async function recordOf(module: string, kernel: TestKernel): Promise<BuildRecord> {
  const builds = path.join(home.folder, 'state/ledger/builds');
  for (const name of await fs.readdir(builds, { recursive: true })) {
    if (name.endsWith('record.json')) {
      const record = parseRecord(await fs.readFile(path.join(builds, name), 'utf8'));
      if (record?.module === module && record.release === kernel.release) {
        return record;
      }
    }
  }
  throw new Error(`no record of ${module} for ${kernel.release}`);
}

/** What samples are chosen by. */
async function keyNumber({ release }: TestKernel): Promise<number> {
  const { stdout } = await home.lockstep('why', 'parts', release);
  const { key } = z.object({ key: z.string() }).parse(JSON.parse(stdout));
  return Number.parseInt(key.slice(0, 8), 16);
}

async function moduleOf(key: string): Promise<Buffer> {
  const builds = path.join(home.folder, 'state/ledger/builds');
  const names = await fs.readdir(builds, { recursive: true });
  const name = names.find((entry) => entry.includes(key) && entry.endsWith('/parts.ko'));
  return await fs.readFile(path.join(builds, name ?? ''));
}

/** `mov $1,%eax`, and what it is made. */
const GOOD = Buffer.from('b801000000', 'hex');
const SPOILT = Buffer.from('b802000000', 'hex');

/** Lets the kept compilations of `same.c` return 2. @returns how many there are */
async function spoilKept(): Promise<number> {
  const kept = path.join(home.folder, 'state/cache/objects');
  let count = 0;
  for (const name of await fs.readdir(kept, { recursive: true })) {
    const file = path.join(kept, name);
    const content = name.endsWith('.o') ? await fs.readFile(file) : Buffer.alloc(0);
    const at = content.indexOf(GOOD);
    if (content.includes('parts_same') && at >= 0) {
      SPOILT.copy(content, at);
      await fs.writeFile(file, content);
      count += 1;
    }
  }
  return count;
}

describe('the next kernel', () => {
  test('is built from nothing the first time', async () => {
    await setKernels(first);
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 2 });
    const { compiled } = await recordOf('parts', first);
    // main, same, release, made; and kbuild's own: parts.mod.c, and module-common.c with the vermagic.
    expect(compiled).toEqual({ taken: 0, made: 6 });
  });

  test('takes what is the same, compiles the rest, and is what a clean build is', async () => {
    await setKernels(first, second);
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 2 });
    expect(end.stderr).not.toContain('OBJECTS_DIFFER');
    const { compiled, modules } = await recordOf('parts', second);
    // Made again: release, and the vermagic.
    expect(compiled).toEqual({ taken: 4, made: 2 });
    expect(modules[0]?.vermagic).toContain(second.release);
  });

  test('takes the answers of a configure script, good ones and bad ones', async () => {
    const { compiled } = await recordOf('asker', second);
    expect(compiled?.taken).toBeGreaterThanOrEqual(3);
  });

  test('is built again, clean, when what it took turns out to be wrong in another build', async () => {
    const third = await stage.kernel({
      ...{ release: '6.12.203+deb13-cloud-amd64', version: '6.12.203-1' },
    });
    const fourth = await stage.kernel({
      ...{ release: '6.12.204+deb13-cloud-amd64', version: '6.12.204-1' },
    });
    const configure = (checkEvery: number): Promise<void> =>
      home.configure({
        archives: [stage.entry('stable')],
        kernels: { abis: 'all' },
        modules: ['parts-dkms'],
        more: { cache: { checkEvery } },
      });
    await setKernels(second, third, fourth);
    await configure(0);
    await home.plan('plan');
    expect(await spoilKept()).toBeGreaterThan(0);
    // Of the two one is checked.
    await configure(Math.max(...(await Promise.all([third, fourth].map(keyNumber)))));
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 2 });
    expect(end.stderr.match(/OBJECTS_DIFFER/g)).toHaveLength(1);
    const records = await Promise.all([third, fourth].map((kernel) => recordOf('parts', kernel)));
    expect(records.map(({ compiled }) => compiled?.taken ?? 0)).toEqual([0, 0]);
    for (const { key } of records) {
      expect((await moduleOf(key)).includes(SPOILT)).toBe(false);
    }
  });
});
