import type { KernelHeaders } from '../model/kernels.ts';

/** What building for an architecture takes on a machine of another one. */
interface Target {
  /** `dpkg-architecture -qDEB_HOST_GNU_TYPE`: what the names of its cross tools begin with. */
  triplet: string;
  /** Its folder below the kernel's `arch/`, kbuild's ARCH (debian/config of Debian's linux source: `kernel-arch`). */
  kernelArch: string;
}

/** Debian's architectures that have kernels; triplets by dpkg's cputable and tupletable. */
const TARGETS: Readonly<Record<string, Target>> = {
  amd64: { triplet: 'x86_64-linux-gnu', kernelArch: 'x86' },
  arm64: { triplet: 'aarch64-linux-gnu', kernelArch: 'arm64' },
  armel: { triplet: 'arm-linux-gnueabi', kernelArch: 'arm' },
  armhf: { triplet: 'arm-linux-gnueabihf', kernelArch: 'arm' },
  i386: { triplet: 'i686-linux-gnu', kernelArch: 'x86' },
  loong64: { triplet: 'loongarch64-linux-gnu', kernelArch: 'loongarch' },
  mips64el: { triplet: 'mips64el-linux-gnuabi64', kernelArch: 'mips' },
  mipsel: { triplet: 'mipsel-linux-gnu', kernelArch: 'mips' },
  ppc64el: { triplet: 'powerpc64le-linux-gnu', kernelArch: 'powerpc' },
  riscv64: { triplet: 'riscv64-linux-gnu', kernelArch: 'riscv' },
  s390x: { triplet: 's390x-linux-gnu', kernelArch: 's390' },
};

/** The architectures of a build that runs on one machine and is for another. */
export interface Cross {
  /** Debian's name of the machine's own architecture. */
  builder: string;
  /** Debian's name of the kernel's architecture. */
  architecture: string;
}

/** The architectures of a build; undefined when they are one, so that nothing is special. */
export function crossOf(builder: string, architecture: string): Cross | undefined {
  return builder === architecture ? undefined : { builder, architecture };
}

/**
 * `gcc-14`, `gcc-16-for-host` (which depends on the compiler of the architecture that it is asked for), and bookworm's and
 * bullseye's `linux-compiler-gcc-12-arm` (which depends on `gcc-12`) where another source than the headers' brings it.
 */
const COMPILER = /^(?:gcc-(?<gcc>\d+)(?:-for-host)?|linux-compiler-gcc-(?<linux>\d+)-\w+)$/;

/**
 * The package with the cross compiler that stands for a compiler package: `gcc-14` for arm64 is
 * `gcc-14-aarch64-linux-gnu` (named so by gcc-N-cross; `_` can't be in package names).
 *
 * @returns undefined for packages that are no compiler, and architectures that have none
 */
export function crossCompiler(name: string, architecture: string): string | undefined {
  const groups = COMPILER.exec(name)?.groups;
  const version = groups?.['gcc'] ?? groups?.['linux'];
  const triplet = TARGETS[architecture]?.triplet;
  return version === undefined || triplet === undefined
    ? undefined
    : `gcc-${version}-${triplet.replaceAll('_', '-')}`;
}

/** What a kernel's headers require on the machine that builds: with a cross compiler in the compiler's place. */
export function buildRequires(
  { requires }: Pick<KernelHeaders, 'requires'>,
  cross: Cross | undefined,
): string[] {
  return cross === undefined
    ? [...requires]
    : requires.map((name) => crossCompiler(name, cross.architecture) ?? name);
}

/**
 * What keeps a machine from building for a kernel of another architecture.
 *
 * @param problem why apt can't put the build root together
 * @returns undefined when nothing does
 */
export function crossObstacle(
  { missing, requires, suite }: Pick<KernelHeaders, 'missing' | 'requires' | 'suite'>,
  { builder, architecture }: Cross,
  problem: string | undefined,
): string | undefined {
  const what = `building for ${architecture} on this ${builder} machine waits for`;
  if (missing !== undefined) {
    return `${what} ${missing} of ${builder}, which ${suite} lacks`;
  }
  const compilers = requires.flatMap((name) => crossCompiler(name, architecture) ?? []);
  if (compilers.length === 0) {
    return `${what} a cross compiler: the headers require ${requires.join(', ') || 'nothing'}`;
  }
  return problem === undefined ? undefined : `${what} ${compilers.join(', ')}: ${problem}`;
}

/**
 * What an environment has for a build that is for another architecture: Debian's names (dpkg-architecture(1)), which
 * the `.kernelvariables` of Debian's headers read, and kbuild's (Documentation/kbuild/kbuild.rst). Without them
 * bookworm's headers take the machine's own compiler, which for i386 works and gives other code.
 */
export function crossEnvironment(cross: Cross | undefined): Record<string, string> {
  const target = cross === undefined ? undefined : TARGETS[cross.architecture];
  if (cross === undefined || target === undefined) {
    return {};
  }
  return {
    DEB_BUILD_ARCH: cross.builder,
    DEB_HOST_ARCH: cross.architecture,
    DEB_HOST_GNU_TYPE: target.triplet,
    ARCH: target.kernelArch,
    CROSS_COMPILE: `${target.triplet}-`,
  };
}
