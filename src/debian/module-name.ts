/** A module's name in package names: its DKMS package's own without `-dkms`. */
export function moduleNameOf(packageName: string): string {
  return packageName.replace(/-dkms$/, '').replace(/^dkms-/, '');
}
