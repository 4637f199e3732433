import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { clientRoot } from './support/client-root.ts';
import { bootKernel } from './support/qemu.ts';
import { lockstep, type Quickstart, quickstart, serve } from './support/quickstart.ts';
import { slow } from './support/tier.ts';

const MINUTES = 60_000;

const MODULES = [
  ...['acpi-call', 'apfs', 'bbswitch', 'ddcci', 'digimend', 'dm-writeboost', 'dpdk-kmods'],
  ...['evdi', 'gost-crypto', 'langford', 'leds-alix', 'lenovolegionlinux', 'lime-forensics'],
  ...['openvpn-dco', 'rapiddisk', 'smifb2', 'tp-smapi', 'v4l2loopback', 'vhba', 'vpoll', 'xtrx'],
];

const FLAVOURS = ['amd64', 'cloud-amd64', 'rt-amd64'];

const statusSchema = z.object({
  targets: z.array(z.object({ module: z.string(), release: z.string(), verdict: z.string() })),
});

let published: Quickstart;

/**
 * What the kernel's loader says of a module that is not for it. A module whose hardware is missing (ENODEV) or that
 * wants parameters (EINVAL) has been accepted.
 */
const REFUSED =
  /unknown symbol|invalid module format|exec format|key (?:was )?rejected|required key/i;

beforeAll(async () => {
  if (slow) {
    published = await quickstart('load-modules', (text) =>
      text.replace(
        /^modules:[^]*/m,
        `modules:\n${MODULES.map((name) => `  - package: ${name}-dkms\n`).join('')}`,
      ),
    );
  }
}, 60 * MINUTES);

describe.runIf(slow)('modules of twenty packages', () => {
  test.each(FLAVOURS)(
    'are accepted by the kernel that they are for: %s',
    async (flavour) => {
      const shown = await lockstep(['status', '-c', published.config, '--json']);
      const { targets } = statusSchema.parse(JSON.parse(shown.stdout));
      const wanted = targets.filter(
        ({ release, verdict }) =>
          verdict === 'published' && release.replace(/^[\d.]+\+deb\d+(?:\.\d+)?-/, '') === flavour,
      );
      // Some exclude themselves from some flavours.
      expect(wanted.length).toBeGreaterThanOrEqual(15);
      await using served = await serve(published.repository);
      await using root = await clientRoot('trixie');
      await root.writeFile(
        '/etc/apt/sources.list.d/example-modules.sources',
        await served.sources('trixie'),
      );
      await root.must(['apt-get', 'update']);
      await root.must(
        [
          ...['apt-get', 'install', '--yes', '--no-install-recommends', 'kmod'],
          ...wanted.map(({ module }) => `${module}-modules-${flavour}`),
        ],
        { env: { INITRD: 'No', DEBIAN_FRONTEND: 'noninteractive' }, timeout: 15 * MINUTES },
      );
      const release = wanted[0]?.release ?? '';
      const files = await root.must([
        'sh',
        '-c',
        `cd /usr/lib/modules/${release}/updates && find . -name '*.ko*'`,
      ]);
      const names = files
        .trim()
        .split('\n')
        .map((file) => path.basename(file).replace(/\.ko.*$/, ''));
      expect(names.length).toBeGreaterThanOrEqual(wanted.length);
      const boot = await bootKernel({
        vmlinuz: path.join(root.path, 'boot', `vmlinuz-${release}`),
        modulesTree: path.join(root.path, 'usr/lib/modules', release),
        // libcrc32c, which some need, asks the kernel's cryptography for it at its start.
        modules: [...names, 'crc32c_generic'],
        timeoutSeconds: 400,
        script: `uname -r
for name in ${names.join(' ')}; do
  said=$(modprobe $name 2>&1); status=$?
  echo "LOAD $name $status $said"
  modprobe -r $name 2>/dev/null
done
dmesg | grep -iE 'disagrees|unknown symbol|version magic' || echo clean`,
      });
      expect(boot.marker, boot.console.slice(-2000)).toBe(true);
      const loads = boot.output.split('\n').filter((line) => line.startsWith('LOAD '));
      expect(loads).toHaveLength(names.length);
      expect(loads.filter((line) => REFUSED.test(line))).toEqual([]);
      // Most need no hardware to be there.
      expect(loads.filter((line) => line.endsWith(' 0 ')).length).toBeGreaterThan(names.length / 2);
      expect(boot.output).toContain('\nclean\n');
    },
    40 * MINUTES,
  );
});
