/** The licences of `license_is_gpl_compatible()`, include/linux/license.h; the same from 2.6 to 7.2. */
const GPL_COMPATIBLE: ReadonlySet<string> = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

/** Whether the kernel lets a module of this `MODULE_LICENSE` use GPL-only symbols. */
export function isGplCompatible(license: string): boolean {
  return GPL_COMPATIBLE.has(license);
}
