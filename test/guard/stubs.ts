import { content, type PackageContent } from './kernel-packages.ts';

/** What stands in for the compilers and the initramfs maker that kernels and headers depend on. */
export const STUBS = 'stage-stubs';

/** As the stubs, for kernels of a foreign architecture. */
export function foreignStubs(): PackageContent {
  return content({
    Package: `${STUBS}-foreign`,
    Version: '1.0',
    Architecture: 'all',
    'Multi-Arch': 'foreign',
    Provides: 'linux-initramfs-tool',
  });
}

/** Packages that are there once a suite: stubs, among them a DKMS package, and one that has an upgrade whatever becomes of kernels. */
export function otherPackages(): PackageContent[] {
  return [
    content({
      Package: STUBS,
      Version: '1.0',
      Architecture: 'all',
      Provides:
        'apparmor, firmware-linux-free, linux-initramfs-tool, gcc-14, gcc-16-for-host, linux-kbuild-6.1, linux-compiler-gcc-12-x86',
    }),
    content(
      { Package: 'foo-dkms', Version: '1.0', Architecture: 'all' },
      {},
      {
        postinst: `#!/bin/sh -e
mkdir -p /etc/kernel/postinst.d
cat >/etc/kernel/postinst.d/dkms <<'END'
#!/bin/sh -e
mkdir -p "/lib/modules/$1/updates/dkms"
echo built >"/lib/modules/$1/updates/dkms/foo.ko"
END
chmod 755 /etc/kernel/postinst.d/dkms
`,
      },
    ),
    ...['1.0', '2.0'].map((version) =>
      content({ Package: 'other', Version: version, Architecture: 'all' }),
    ),
  ];
}
