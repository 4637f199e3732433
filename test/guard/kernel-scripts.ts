import type { SuiteName } from './suites.ts';

/** Text of maintainer scripts, as Debian's image packages have them. */
export type Scripts = Readonly<Record<'preinst' | 'postinst' | 'prerm' | 'postrm', string>>;

function head(release: string): string {
  return `#!/bin/sh -e\n\nversion=${release}\nimage_path=/boot/vmlinuz-$version\n\n`;
}

/** How a script runs the hooks of /etc/kernel. */
function hooks(suite: SuiteName, when: string): string {
  return suite === 'bookworm'
    ? `if [ -d /etc/kernel/${when}.d ]; then
    DEB_MAINT_PARAMS="$*" run-parts --report --exit-on-error --arg=$version \\
	      --arg=$image_path /etc/kernel/${when}.d
fi
`
    : `linux-run-hooks image ${when} $version $image_path -- "$@"\n`;
}

/** The scripts of an image package of a suite. */
export function imageScripts(suite: SuiteName, release: string, isWhole: boolean): Scripts {
  const depmod = isWhole ? 'depmod $version\n' : '';
  const purge = `if [ "$1" = purge ]; then
    rm -f /lib/modules/$version/modules.*
    rmdir /lib/modules/$version || true
fi
`;
  return {
    preinst: `${head(release)}if [ "$1" = abort-upgrade ]; then
    exit 0
fi
if [ "$1" = install ]; then
    mkdir -p /lib/modules/$version
    touch /lib/modules/$version/.fresh-install
fi
${hooks(suite, 'preinst')}exit 0
`,
    postinst: `${head(release)}if [ "$1" != configure ]; then
    exit 0
fi
${depmod}if [ -f /lib/modules/$version/.fresh-install ]; then
    change=install
else
    change=upgrade
fi
linux-update-symlinks $change $version $image_path
rm -f /lib/modules/$version/.fresh-install
${hooks(suite, 'postinst')}exit 0
`,
    prerm: `${head(release)}if [ "$1" != remove ]; then
    exit 0
fi
linux-check-removal $version
${hooks(suite, 'prerm')}exit 0
`,
    postrm: `${head(release)}rm -f /lib/modules/$version/.fresh-install
if [ "$1" != upgrade ] && command -v linux-update-symlinks >/dev/null; then
    linux-update-symlinks remove $version $image_path
fi
${suite === 'bookworm' ? hooks(suite, 'postrm') : `if command -v linux-run-hooks >/dev/null; then\n    ${hooks(suite, 'postrm')}fi\n`}${isWhole ? purge : ''}exit 0
`,
  };
}

/** The scripts of `linux-modules-<release>`. */
export function modulesScripts(release: string): Partial<Scripts> {
  return {
    postinst: `#!/bin/sh -e
if [ "$1" = configure ]; then
  depmod ${release}
fi
exit 0
`,
    prerm: `#!/bin/sh -e
if [ "$1" = remove ]; then
  find /usr/lib/modules/${release} -maxdepth 1 -type f -name 'modules.*' -not -name 'modules.builtin*' -not -name modules.order -delete
fi
exit 0
`,
  };
}
