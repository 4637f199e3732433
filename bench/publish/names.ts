export const ARCHITECTURES = [
  ...['amd64', 'arm64', 'armhf', 'i386', 'loong64', 'ppc64el', 'riscv64', 's390x'],
] as const;
