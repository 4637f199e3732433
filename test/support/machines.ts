/** A machine that qemu imitates: the least that Debian's kernels of an architecture boot on. */
export interface Machine {
  /** The program of qemu. */
  program: string;
  /** The machine and its processor. */
  args: readonly string[];
  /** The console that qemu's `-serial stdio` is to the kernel. */
  console: string;
  /** More words for the kernel's command line. */
  append?: string;
}

/**
 * By Debian's architecture. Other processor models than these and several processors panic at random in qemu's
 * interpreter.
 */
export const MACHINES: Readonly<Record<string, Machine>> = {
  amd64: { program: 'qemu-system-x86_64', args: ['-cpu', 'qemu64', '-m', '512'], console: 'ttyS0' },
  arm64: {
    program: 'qemu-system-aarch64',
    args: ['-M', 'virt', '-cpu', 'cortex-a72', '-m', '512'],
    console: 'ttyAMA0',
  },
  armhf: {
    program: 'qemu-system-arm',
    args: ['-M', 'virt', '-cpu', 'cortex-a15', '-m', '512'],
    console: 'ttyAMA0',
  },
  i386: { program: 'qemu-system-x86_64', args: ['-cpu', 'qemu64', '-m', '512'], console: 'ttyS0' },
  loong64: {
    program: 'qemu-system-loongarch64',
    args: ['-M', 'virt', '-cpu', 'la464', '-m', '1024'],
    console: 'ttyS0',
    append: 'initcall_blacklist=i8042_init',
  },
  mips64el: {
    program: 'qemu-system-mips64el',
    args: ['-M', 'malta', '-cpu', '5KEf', '-m', '512'],
    console: 'ttyS0',
  },
  mipsel: {
    program: 'qemu-system-mipsel',
    args: ['-M', 'malta', '-cpu', '24Kf', '-m', '512'],
    console: 'ttyS0',
  },
  ppc64el: {
    program: 'qemu-system-ppc64',
    args: ['-M', 'pseries', '-cpu', 'power9', '-m', '1024', '-vga', 'none'],
    console: 'hvc0',
  },
  riscv64: {
    program: 'qemu-system-riscv64',
    args: ['-M', 'virt', '-m', '512'],
    console: 'ttyS0',
  },
  s390x: {
    program: 'qemu-system-s390x',
    args: ['-M', 's390-ccw-virtio', '-cpu', 'max', '-m', '512'],
    console: 'ttysclp0',
  },
};

/** @throws Error for an architecture that no machine is known for */
export function machineFor(architecture: string): Machine {
  const machine = MACHINES[architecture];
  if (machine === undefined) {
    throw new Error(`no machine is known for ${architecture}`);
  }
  return machine;
}
