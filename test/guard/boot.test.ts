import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/programs/run.ts';
import { type ClientRoot, clientRoot } from '../support/client-root.ts';
import { quickstart } from '../support/quickstart.ts';
import { slow } from '../support/tier.ts';
import { type DiskMachine, diskMachine } from './disk.ts';

const MINUTES = 60_000;
const FLAVOUR = 'cloud-amd64';

/** A line that begins with a release. */
function line(release: string, pattern = ''): RegExp {
  const escaped = release.replaceAll(/[.+]/g, String.raw`\$&`);
  return new RegExp(`^${escaped}${pattern}$`, 'm');
}

/** What Lockstep publishes before and after it has seen the kernel of trixie-security. */
interface Published {
  before: string;
  after: string;
  sources: string;
}

async function publish(folder: string): Promise<Published> {
  const edit =
    (suites: string) =>
    (text: string): string =>
      text
        .replace(/suites: \[.*\]/, `suites: [${suites}]`)
        .replace('flavours: all', `flavours: [${FLAVOUR}]`)
        .replace(/^modules:[^]*/m, 'modules:\n  - package: acpi-call-dkms\n');
  // What an earlier call has published knows the next kernel already.
  const name = `boot-${process.pid}`;
  const first = await quickstart(name, edit('trixie, trixie-updates'));
  const before = path.join(folder, 'before');
  await runProgram('cp', ['-a', first.repository, before]);
  const second = await quickstart(name, edit('trixie, trixie-updates, trixie-security'));
  const after = path.join(folder, 'after');
  await runProgram('cp', ['-a', second.repository, after]);
  const sources = await fs.readFile(path.join(after, 'trixie.sources'), 'utf8');
  await fs.rm(path.dirname(second.config), { recursive: true });
  return { before, after, sources: sources.replace(/^URIs: .*$/m, 'URIs: file:/srv/modules') };
}

/** Installs kernel A with its module; afterwards the machine's only archive is a copy of A's and B's packages. */
async function install(root: ClientRoot, published: Published): Promise<{ a: string; b: string }> {
  const releaseOf = async (suite: string): Promise<string> => {
    const shown = await root.must(['apt-cache', 'show', `linux-image-${FLAVOUR}/${suite}`]);
    return /linux-latest-modules-(?<release>[^ ,]+)/.exec(shown)?.groups?.['release'] ?? '';
  };
  const a = await releaseOf('trixie');
  const b = await releaseOf('trixie-security');
  for (const name of ['before', 'after'] as const) {
    await runProgram('cp', ['-a', published[name], path.join(root.path, 'srv', name)]);
  }
  await root.must(['ln', '-s', 'before', '/srv/modules']);
  await root.writeFile('/etc/apt/sources.list.d/modules.sources', published.sources);
  await root.must(['apt-get', 'update', '-q']);
  await root.must([
    ...[
      'apt-get',
      'install',
      '--yes',
      '--no-install-recommends',
      'kmod',
      'grub-pc-bin',
      'grub2-common',
      'apt-utils',
    ],
    ...[`linux-image-${FLAVOUR}/trixie`, `linux-image-${a}/trixie`, `acpi-call-modules-${FLAVOUR}`],
  ]);
  const names = [a, b].map((release) => `linux-image-${release}`);
  await root.must(['mkdir', '/srv/debian']);
  await root.must(
    [
      'apt-get',
      'download',
      '-q',
      `linux-image-${FLAVOUR}/trixie`,
      `linux-image-${FLAVOUR}/trixie-security`,
      ...names,
    ],
    { cwd: '/srv/debian' },
  );
  await root.must(
    [
      'sh',
      '-c',
      'apt-ftparchive packages . >Packages && rm -f /etc/apt/sources.list.d/debian.sources',
    ],
    {
      cwd: '/srv/debian',
    },
  );
  await root.writeFile(
    '/etc/apt/sources.list.d/copy.list',
    'deb [trusted=yes] file:/srv/debian ./\n',
  );
  await root.must(['sh', '-c', 'rm -rf /var/lib/apt/lists/* && apt-get update -q']);
  return { a, b };
}

let scratch: string;
let machine: DiskMachine;
let a: string;
let b: string;

/** Runs a script that has to succeed. */
async function boot(script: string): Promise<string> {
  const { output, exitCode } = await machine.boot(`set -e\n${script}`);
  expect(exitCode, output).toBe(0);
  return output;
}

beforeAll(async () => {
  if (slow) {
    scratch = await fs.mkdtemp('/var/tmp/lockstep-boot-');
    await using root = await clientRoot('trixie');
    ({ a, b } = await install(root, await publish(scratch)));
    machine = await diskMachine(root, a);
  }
}, 30 * MINUTES);

afterAll(async () => {
  if (slow) {
    await machine[Symbol.asyncDispose]();
    await fs.rm(scratch, { recursive: true });
  }
});

describe.runIf(slow)('a trixie machine that boots by GRUB', () => {
  test(
    'never comes up by itself in a kernel without its module, and follows as soon as it is there',
    async () => {
      const held = await boot(`uname -r
update-grub 2>&1
modprobe acpi_call && lsmod | grep -o '^acpi_call'
apt-get -q update 2>&1
apt -y upgrade 2>&1
dpkg-query -W -f 'metapackage: \${Provides}\\n' linux-image-${FLAVOUR}
dpkg -i /srv/debian/linux-image-${b}_*.deb 2>&1
ls /boot/vmlinuz-*
lockstep-guard status || echo "status $?"`);
      expect(held).toMatch(line(a));
      expect(held).toMatch(/^acpi_call$/m);
      expect(held).toContain(`lacks the module acpi-call`);
      expect(held).toContain(`metapackage: linux-latest-modules-${a},`);
      expect(held).toContain(`/boot/vmlinuz-${b}`);
      expect(held).toMatch(line(b, ' +acpi-call +MISSING'));
      expect(held).toMatch(line(a, ' .*running, next boot'));

      const again = await boot(`uname -r
id=$(sed -n "s/.*'\\(gnulinux-advanced-[^']*\\)' {$/\\1/p" /boot/grub/grub.cfg)
grub-reboot "$id>gnulinux-${b}-advanced-\${id#gnulinux-advanced-}"
lockstep-guard status || echo "status $?"`);
      expect(again).toMatch(line(a));
      expect(again).toMatch(line(b, ' .*MISSING +next boot'));
      expect(again).toContain('status 2');

      const once = await boot('uname -r\nmodprobe acpi_call 2>&1 || echo none');
      expect(once).toMatch(line(b));
      expect(once).toMatch(/^none$/m);

      const followed = await boot(`uname -r
ln -sfn after /srv/modules
apt-get -q update 2>&1
apt -y upgrade 2>&1
dpkg -l 'acpi-call-modules-*' | grep ^ii
dpkg-query -W -f 'metapackage: \${Provides}\\n' linux-image-${FLAVOUR}
lockstep-guard status && echo covered
grub-mkconfig 2>/dev/null | cmp - /boot/grub/grub.cfg && echo same
[ ! -e /etc/grub.d/06_lockstep_guard ] && [ ! -e /var/lib/lockstep-guard/boot ] && echo clean`);
      expect(followed).toMatch(line(a));
      expect(followed).toContain(`acpi-call-modules-${b}`);
      expect(followed).toContain(`metapackage: linux-latest-modules-${b},`);
      expect(followed).toMatch(/^covered$/m);
      expect(followed).toMatch(/^same$/m);
      expect(followed).toMatch(/^clean$/m);

      const there = await boot(`uname -r
modprobe acpi_call && lsmod | grep -o '^acpi_call'`);
      expect(there).toMatch(line(b));
      expect(there).toMatch(/^acpi_call$/m);
    },
    60 * MINUTES,
  );
});
