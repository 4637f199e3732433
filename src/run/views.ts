import type { Kernel } from '../model/kernels.ts';

/** A kernel as `kernels --json` shows it. */
export interface KernelView {
  release: string;
  abi: string;
  flavour: string;
  architecture: string;
  version: string;
  suites: string[];
  /** The packages that bring the headers; null when they are gone. */
  headers: string[] | null;
  newest: boolean;
}

export function kernelView(kernel: Kernel): KernelView {
  const { release, abi, flavour, architecture, version, suites, headers, newest } = kernel;
  return {
    release,
    abi,
    flavour,
    architecture,
    version,
    suites,
    headers: headers?.packages.map((ref) => ref.name) ?? null,
    newest,
  };
}
