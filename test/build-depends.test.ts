import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OwnPackage } from './support/small-archive.ts';
import type { SuitesHome } from './support/suites-home.ts';
import { type SuitesStage, suitesStage } from './support/suites-stage.ts';
import type { TestKernel } from './support/test-kernels.ts';

let stage: SuitesStage;
let home: SuitesHome;
let kernel: TestKernel;
let top: OwnPackage;

/** `base` exports a symbol; `top` takes it, and finds its CRC where DKMS has the Module.symvers of `base`. */
const EXPORT =
  'int base_answer(void); int base_answer(void) { return 42; } EXPORT_SYMBOL_GPL(base_answer);';
const IMPORT = `int base_answer(void);
static int __init top_init(void) { return base_answer() == 42 ? 0 : -EINVAL; }
module_init(top_init);`;

beforeAll(async () => {
  stage = await suitesStage('build-depends');
  kernel = await stage.kernel({ release: '6.12.201+deb13-cloud-amd64', version: '6.12.201-1' });
  home = await stage.home('home');
  await home.configure({
    archives: [stage.entry('stable')],
    modules: ['top-dkms', 'base-dkms'],
  });
  top = await stage.module({
    name: 'top',
    version: '1.0',
    conf: [
      'BUILD_DEPENDS[0]=base',
      'MAKE[0]="make -C $kernel_source_dir M=$dkms_tree/top/1.0/build KBUILD_EXTRA_SYMBOLS=$dkms_tree/base/kernel-$kernelver-$arch/module/Module.symvers"',
      'PRE_BUILD="look.sh"',
    ].join('\n'),
    code: IMPORT,
    files: {
      'look.sh':
        '#!/bin/sh\nset -e\ntest -f /lib/modules/$kernelver/updates/dkms/base.ko\ntest -f $dkms_tree/base/*/source/dkms.conf\n',
    },
  });
});

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
});

async function publish(base: OwnPackage): Promise<void> {
  const packages = [...kernel.packages, await stage.meta(kernel), base, top];
  await stage.archive.setSuite('stable', { packages });
}

async function verdicts(): Promise<Record<string, string>> {
  const { targets } = await home.plan('status');
  return Object.fromEntries(targets.map((entry) => [entry.module, entry.verdict]));
}

describe('a module that is built on another (BUILD_DEPENDS)', () => {
  test('is blocked as long as the other does not compile, and says so', async () => {
    await publish(await stage.module({ name: 'base', version: '0.9', failsOn: 'deb13' }));
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 1 });
    expect(await verdicts()).toEqual({ base: 'failed', top: 'blocked' });
    const blocked = end.targets.find(({ module }) => module === 'top');
    expect(blocked?.reason).toBe(
      'dkms.conf: BUILD_DEPENDS: it is built on base, not built for this kernel',
    );
  });

  test('is not tried again while nothing has changed', async () => {
    expect(await home.run()).toMatchObject({ built: 0 });
  });

  test('is built in the run in which the other is, and depends on its package', async () => {
    await publish(await stage.module({ name: 'base', version: '1.0', code: EXPORT }));
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 2 });
    expect(await verdicts()).toEqual({ base: 'published', top: 'published' });
    const published = await home.published('stable');
    expect(published.get(`top-modules-${kernel.release}`)?.get('Depends')).toContain(
      `, base-modules-${kernel.release}`,
    );
    expect(await home.run()).toMatchObject({ built: 0 });
  });

  test('is built again when the other is', async () => {
    await publish(await stage.module({ name: 'base', version: '1.1', code: EXPORT }));
    const end = await home.run();
    expect(end, end.stderr).toMatchObject({ exitCode: 0, built: 2 });
    const again = await home.plan('plan');
    expect(again.targets.map(({ verdict }) => verdict)).toEqual(['published', 'published']);
  });

  test('is refused when it takes what the other does not export', async () => {
    await publish(await stage.module({ name: 'base', version: '1.2' }));
    const end = await home.run();
    expect(end).toMatchObject({ exitCode: 1 });
    expect(await verdicts()).toEqual({ base: 'published', top: 'failed' });
    expect(end.targets.find(({ module }) => module === 'top')?.reason).toContain('base_answer');
  });
});
