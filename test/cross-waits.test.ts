import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OwnPackage } from './support/small-archive.ts';
import { type SuitesStage, suitesStage } from './support/suites-stage.ts';
import { testPackage } from './support/test-packages.ts';

const MINUTES = 60_000;
const VERSION = '6.12.201-1';
const RELEASE = '6.12.201+deb13-cloud-arm64';
const KBUILD = 'linux-kbuild-6.12.201+deb13';

let stage: SuitesStage;

beforeAll(async () => {
  stage = await suitesStage('cross-waits');
}, 10 * MINUTES);

afterAll(async () => {
  await stage[Symbol.asyncDispose]();
});

function linuxPackage(name: string, architecture: string, depends?: string): Promise<OwnPackage> {
  return testPackage(stage.box.path, {
    ...{ Package: name, Source: 'linux', Version: VERSION, Architecture: architecture },
    ...(depends === undefined ? {} : { Depends: depends }),
  });
}

/** The one target of an archive with an arm64 kernel, some more packages and a module, as this machine plans it. */
async function planned(name: string, compiler: string, ...more: OwnPackage[]) {
  const kernel = await stage.kernel({ release: RELEASE, version: VERSION, architecture: 'arm64' });
  const headers = await linuxPackage(
    `linux-headers-${RELEASE}`,
    'arm64',
    `linux-headers-6.12.201+deb13-common (= ${VERSION}), ${KBUILD}, ${compiler}`,
  );
  const common = await linuxPackage('linux-headers-6.12.201+deb13-common', 'all');
  const widget = await stage.module({ name: 'widget', version: '1.0' });
  await stage.archive.setSuite('next', {
    packages: [...kernel.packages, await stage.meta(kernel), headers, common, widget, ...more],
    architectures: ['amd64', 'arm64'],
  });
  const home = await stage.home(name);
  await home.configure({
    archives: [stage.entry('next')],
    kernels: { architectures: ['arm64'], flavours: 'all' },
    modules: ['widget-dkms'],
  });
  return await home.run();
}

describe('a kernel of another architecture', () => {
  test(
    'waits for the kbuild package that this machine’s architecture lacks, and is not tried',
    async () => {
      const theirs = await linuxPackage(KBUILD, 'arm64');
      const result = await planned('kbuild', 'gcc-14', theirs);
      expect(result).toMatchObject({ built: 0, indices: [] });
      expect(result.targets).toMatchObject([
        {
          verdict: 'queued',
          reason: `new kernel; building for arm64 on this amd64 machine waits for ${KBUILD} of amd64, which next lacks`,
        },
      ]);
    },
    5 * MINUTES,
  );

  test(
    'waits for the cross compiler that the archive lacks, and is not tried',
    async () => {
      const ours = await linuxPackage(KBUILD, 'amd64');
      const { built, targets } = await planned('compiler', 'gcc-99', ours);
      expect(built).toBe(0);
      expect(targets).toMatchObject([{ verdict: 'queued', architecture: 'arm64' }]);
      expect(targets[0]?.reason).toMatch(
        /waits for gcc-99-aarch64-linux-gnu: .*Unable to locate package gcc-99-aarch64-linux-gnu/,
      );
    },
    5 * MINUTES,
  );
});
