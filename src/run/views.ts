import type { Kernel } from '../model/kernels.ts';

/** A kernel as `kernels --json` shows it. */
export interface KernelView extends Omit<Kernel, 'headers' | 'image'> {
  /** The packages that bring the headers; null when they are gone. */
  headers: string[] | null;
}

export function kernelView(kernel: Kernel): KernelView {
  const { headers, image: _image, ...shown } = kernel;
  return { ...shown, headers: headers?.packages.map((ref) => ref.name) ?? null };
}
