import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ClientRoot, clientRoot } from './support/client-root.ts';
import { bootKernel } from './support/qemu.ts';
import { slow } from './support/tier.ts';
import { type Quickstart, quickstart, serve } from './support/quickstart.ts';

const MINUTES = 60_000;

let published: Quickstart;

beforeAll(async () => {
  published = await quickstart();
}, 15 * MINUTES);

/** Adds the repository by its `.sources` file alone, as the README tells an administrator. */
async function addRepository(root: ClientRoot, url: string, sources: string): Promise<void> {
  await root.writeFile('/etc/apt/sources.list.d/example-modules.sources', sources);
  const update = await root.run(['apt-get', 'update']);
  expect(update, url).toMatchObject({ exitCode: 0, stderr: '' });
}

describe('a trixie machine with nothing but the .sources file', () => {
  test(
    'installs kernel and module by one name, and the booted kernel loads it',
    async () => {
      await using served = await serve(published.repository);
      await using root = await clientRoot('trixie');
      await addRepository(root, served.url, await served.sources('trixie'));
      await root.must([
        ...['apt-get', 'install', '-y', '--no-install-recommends'],
        ...['v4l2loopback-modules-amd64', 'acpi-call-modules-amd64', 'kmod'],
      ]);
      const { release } = published;
      const installed = await root.must(['dpkg-query', '-W', '-f', '${Package} ${Status}\n']);
      for (const name of [
        `linux-image-${release}`,
        'linux-image-amd64',
        `v4l2loopback-modules-${release}`,
        'v4l2loopback-modules-amd64',
      ]) {
        expect(installed).toContain(`${name} install ok installed`);
      }
      for (const name of ['gcc', 'dkms', `linux-headers-${release}`]) {
        expect(installed).not.toContain(`${name} install ok`);
      }

      const info = await root.must(['modinfo', '-k', release, 'v4l2loopback']);
      expect(info).toContain(`/updates/v4l2loopback/v4l2loopback.ko.xz`);
      expect(info).toMatch(new RegExp(`^vermagic: +${release.replaceAll('+', '\\+')} `, 'm'));
      expect(info).toMatch(/^license: +GPL/m);

      // depmod's own judgement, with the kernel's exported symbols as the headers have them.
      const [headers = ''] = await root.download([`linux-headers-${release}`]);
      await root.writeFile('/tmp/headers.deb', await fs.readFile(headers));
      await root.must(['dpkg-deb', '-x', '/tmp/headers.deb', '/tmp/headers']);
      const symvers = `/tmp/headers/usr/src/linux-headers-${release}/Module.symvers`;
      const depmod = await root.run(['depmod', '-n', '-e', '-E', symvers, release]);
      expect(depmod.exitCode).toBe(0);
      expect(depmod.stderr).not.toMatch(/v4l2loopback|acpi_call/);

      // Debian's own source of the module, signed by its maintainer, where the mirror has it; from this repository alone.
      await root.must(['apt-get', 'source', '--download-only', 'v4l2loopback-modules-amd64'], {
        cwd: '/tmp',
      });
      const dsc = await root.must(['sh', '-c', 'cat /tmp/v4l2loopback*.dsc']);
      const isOwn = /^Source: v4l2loopback$/m.test(dsc);
      expect(dsc).toMatch(/^Source: v4l2loopback(?:-modules)?$/m);
      expect(dsc.includes('-----BEGIN PGP SIGNATURE-----')).toBe(isOwn);

      const boot = await bootKernel({
        vmlinuz: path.join(root.path, 'boot', `vmlinuz-${release}`),
        modulesTree: path.join(root.path, 'usr/lib/modules', release),
        modules: ['v4l2loopback', 'acpi_call'],
        script: `set -e
uname -r
modprobe v4l2loopback
[ -e /dev/video0 ] && echo video
rmmod v4l2loopback
[ ! -e /sys/module/v4l2loopback ] && echo unloaded
modprobe acpi_call
[ -e /proc/acpi/call ] && echo acpi
rmmod acpi_call
dmesg | grep -iE 'v4l2loopback|acpi_call' | grep -iE 'disagrees|unknown symbol|version magic' || echo clean`,
      });
      expect(boot, boot.console).toMatchObject({ marker: true, exitCode: 0 });
      expect(boot.output.split('\n')).toEqual(
        expect.arrayContaining([release, 'video', 'unloaded', 'acpi', 'clean']),
      );
    },
    20 * MINUTES,
  );

  test.runIf(slow)(
    'runs depmod once for several modules, not at all beside their kernel, and again on removal',
    async () => {
      await using served = await serve(published.repository);
      await using root = await clientRoot('trixie');
      await addRepository(root, served.url, await served.sources('trixie'));
      const { release } = published;
      await root.must(['apt-get', 'install', '-y', '--no-install-recommends', 'kmod']);
      // A depmod that says when it is called, in the place of the real one: apt's own PATH has no /usr/local.
      const wrapper =
        '#!/bin/sh\necho "depmod $*" >>/var/log/depmod-calls\nexec /opt/real/depmod "$@"\n';
      await root.must([
        'sh',
        '-c',
        'mkdir /opt/real && ln -s /usr/bin/kmod /opt/real/depmod && rm /usr/sbin/depmod',
      ]);
      await root.writeFile('/usr/sbin/depmod', wrapper, 0o755);
      const calls = async (): Promise<string[]> => {
        const text = await root.must([
          'sh',
          '-c',
          'cat /var/log/depmod-calls; : >/var/log/depmod-calls',
        ]);
        return text.split('\n').filter((line) => line !== '');
      };
      const install = ['apt-get', 'install', '-y', '--no-install-recommends'];

      await root.must([...install, 'v4l2loopback-modules-amd64']);
      expect(await calls()).toEqual([`depmod ${release}`]);
      expect(await root.must(['modinfo', '-k', release, '-n', 'v4l2loopback'])).toContain(
        '/updates/',
      );

      await root.must([...install, 'acpi-call-modules-amd64', 'openvpn-dco-modules-amd64']);
      expect(await calls()).toEqual([`depmod ${release}`]);
      for (const module of ['acpi_call', 'ovpn-dco-v2']) {
        expect(await root.must(['modinfo', '-k', release, '-n', module])).toContain('/updates/');
      }

      await root.must(['apt-get', 'remove', '-y', `acpi-call-modules-${release}`]);
      expect(await calls()).toEqual([`depmod ${release}`]);
      expect((await root.run(['modinfo', '-k', release, 'acpi_call'])).exitCode).not.toBe(0);

      await root.must([
        'apt-get',
        'purge',
        '-y',
        'linux-image-amd64',
        `linux-image-${release}`,
        'v4l2loopback-modules-amd64',
        'openvpn-dco-modules-amd64',
      ]);
      const left = await root.run(['find', `/usr/lib/modules/${release}`]);
      expect(left).toMatchObject({ exitCode: 1, stdout: '' });
      expect(await calls()).toEqual([]);
    },
    20 * MINUTES,
  );
});

describe.runIf(slow)('a module that is needed at boot', () => {
  test(
    "refreshes its kernel's initramfs, once for several modules",
    async () => {
      const boot = await quickstart('initramfs', (text) =>
        text
          .replace('acpi-call-dkms', 'acpi-call-dkms\n    initramfs: true')
          .replace('v4l2loopback-dkms', 'v4l2loopback-dkms\n    initramfs: true')
          .replace('  - package: openvpn-dco-dkms\n', '')
          .replace('flavours: all', 'flavours: [amd64]'),
      );
      await using served = await serve(boot.repository);
      await using root = await clientRoot('trixie', { initrd: true });
      await addRepository(root, served.url, await served.sources('trixie'));
      const install = ['apt-get', 'install', '-y', '--no-install-recommends'];
      await root.must([...install, 'linux-image-amd64', 'initramfs-tools', 'kmod']);
      const wrapper =
        '#!/bin/sh\necho "update-initramfs $*" >>/var/log/calls\nexec /opt/update-initramfs "$@"\n';
      await root.must(['mv', '/usr/sbin/update-initramfs', '/opt/update-initramfs']);
      await root.writeFile('/usr/sbin/update-initramfs', wrapper, 0o755);
      await root.must([...install, 'acpi-call-modules-amd64', 'v4l2loopback-modules-amd64']);
      expect(await root.readFile('/var/log/calls')).toBe(
        `update-initramfs -u -k ${boot.release}\n`,
      );
      await root.must(['apt-get', 'remove', '-y', `acpi-call-modules-${boot.release}`]);
      expect(await root.readFile('/var/log/calls')).toBe(
        `update-initramfs -u -k ${boot.release}\n`.repeat(2),
      );
    },
    20 * MINUTES,
  );
});
