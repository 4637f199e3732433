import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { makeGuardPackage } from '../../src/packager/guard.ts';
import { wantedFile } from '../../src/packager/wanted-file.ts';
import { type ClientRoot, clientRoot } from '../support/client-root.ts';
import { bootGrub, type GrubOutcome, type GrubVariant } from './grub-in-qemu.ts';

/** Stands for a disk, which a root of a test has not: what grub-mkconfig asks of it. */
const GRUB_PROBE = `#!/bin/sh
for word in "$@"; do
  case $word in
    device | --target=device) echo /dev/vda1 ;;
    fs_uuid | --target=fs_uuid) echo 01234567-89ab-cdef-0123-456789abcdef ;;
    fs | --target=fs) echo ext2 ;;
    partmap | --target=partmap) echo gpt ;;
    hints_string | --target=hints_string) echo --hint=hd0,gpt1 ;;
  esac
done
`;

export const DEVICE_ID = '01234567-89ab-cdef-0123-456789abcdef';

const OTHER_SYSTEM = `#!/bin/sh
cat <<'EOF'
menuentry 'Windows Boot Manager (on /dev/sda1)' --class windows --class os $menuentry_id_option 'osprober-efi-ABCD-1234' {
	linux	/windows
}
EOF
`;

/** What an administrator has set. */
export interface GrubSettings {
  /** Of /etc/default/grub. */
  settings?: Readonly<Record<string, string>>;
  /** Of grubenv. */
  env?: Readonly<Record<string, string>>;
}

export interface Configured {
  cfg: string;
  /** The release that the guard says boots next; empty for another system. */
  told: string;
}

/** A root with GRUB for BIOS, the guard as a package, and no disk. */
export interface GrubRoot extends AsyncDisposable {
  root: ClientRoot;
  /** Puts a stand-in for a kernel there, with files of some modules. */
  kernel(release: string, modules?: readonly string[]): Promise<void>;
  /** Files of modules for a kernel. */
  kernelModules(release: string, modules: readonly string[]): Promise<void>;
  /** A module that this machine wants for a flavour, amd64 unless given, as its tracking package says it. */
  want(module: string, flavour?: string): Promise<void>;
  /** Writes /etc/default/grub and grubenv, and makes grub.cfg, for one after the other. */
  configure(cases: readonly GrubSettings[]): Promise<Configured[]>;
  /** Lets the suite's own GRUB, in qemu, go through configurations one after the other. */
  boot(variants: readonly GrubVariant[]): Promise<GrubOutcome[]>;
}

export async function grubRoot(codename: string): Promise<GrubRoot> {
  const root = await clientRoot(codename);
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends'];
  await root.must([...install, 'grub-common', 'grub2-common', 'grub-pc-bin']);
  await root.writeFile('/usr/sbin/grub-probe', GRUB_PROBE, 0o755);
  await root.writeFile('/etc/grub.d/30_os-prober', OTHER_SYSTEM, 0o755);
  await root.must(['mkdir', '-p', '/boot/grub']);
  const scratch = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-grub-'));
  const guard = await makeGuardPackage(0, {
    maintainer: 'T <t@localhost.invalid>',
    origin: 'Tests',
    directory: scratch,
  });
  await root.writeFile('/tmp/guard.deb', await fs.readFile(guard.file));
  await root.must(['dpkg', '-i', '/tmp/guard.deb']);
  const kernelModules = async (release: string, modules: readonly string[]): Promise<void> => {
    for (const name of modules) {
      await root.writeFile(`/usr/lib/modules/${release}/updates/${name}/${name}.ko.xz`, '');
    }
  };
  return {
    root,
    async kernel(release, modules = []) {
      await root.writeFile(`/boot/vmlinuz-${release}`, '');
      await kernelModules(release, modules);
    },
    kernelModules,
    async want(module, flavour = 'amd64') {
      const file = wantedFile(
        {
          ...{ module: { name: module }, kernel: { release: '', flavour }, track: flavour },
          ...{ moduleVersion: '1', files: [module] },
        },
        { origin: 'Tests' },
      );
      await root.writeFile(`/${file.at}`, file.content);
    },
    configure: (cases) => configure(root, cases),
    boot: (variants) => bootGrub(root, scratch, variants),
    async [Symbol.asyncDispose]() {
      await root[Symbol.asyncDispose]();
      await fs.rm(scratch, { recursive: true });
    },
  };
}

const NEXT_BOOT = `set -u
for part in settings wanted kernels archive holds boot grub systemd-boot; do . /usr/share/lockstep-guard/lib/$part.sh; done
next_boot`;

/** All in one command: many small ones take longer than what they do. */
async function configure(root: ClientRoot, cases: readonly GrubSettings[]): Promise<Configured[]> {
  for (const [at, { settings = {}, env = {} }] of cases.entries()) {
    const all = {
      GRUB_TIMEOUT: '0',
      GRUB_DISTRIBUTOR: 'Debian',
      GRUB_TERMINAL: 'serial',
      GRUB_SERIAL_COMMAND: 'serial',
      GRUB_DISABLE_OS_PROBER: 'false',
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}="${value}"\n`);
    const saved = Object.entries(env).map(([name, value]) => `${name}=${value}\n`);
    const folder = path.join(root.path, 'tmp/cases', String(at));
    await fs.mkdir(folder, { recursive: true });
    await fs.writeFile(path.join(folder, 'default'), lines.join(''));
    await fs.writeFile(
      path.join(folder, 'grubenv'),
      `# GRUB Environment Block\n${saved.join('')}####`,
    );
  }
  await root.writeFile('/tmp/cases/next', NEXT_BOOT);
  await root.must([
    'sh',
    '-euc',
    `for at in $(seq 0 ${cases.length - 1}); do
       cp /tmp/cases/$at/default /etc/default/grub
       cp /tmp/cases/$at/grubenv /boot/grub/grubenv
       update-grub 2>/tmp/cases/log || { cat /tmp/cases/log >&2; exit 1; }
       grub-script-check /boot/grub/grub.cfg
       cp /boot/grub/grub.cfg /tmp/cases/$at/cfg
       sh /tmp/cases/next >/tmp/cases/$at/told
     done`,
  ]);
  const read = (at: number, name: string): Promise<string> =>
    fs.readFile(path.join(root.path, 'tmp/cases', String(at), name), 'utf8');
  return Promise.all(
    cases.map(async (_, at) => ({
      cfg: await read(at, 'cfg'),
      told: (await read(at, 'told')).trim(),
    })),
  );
}
