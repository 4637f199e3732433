import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { ClientRoot } from '../support/client-root.ts';
import { runMachine } from '../support/qemu.ts';

/** How a configuration and its environment are tried. */
export interface GrubVariant {
  /** Text of grub.cfg. */
  cfg: string;
  /** What grubenv holds. */
  env?: Readonly<Record<string, string>>;
}

/** What GRUB did by itself. */
export interface GrubOutcome {
  /** The kernel that it would have started: `/boot/vmlinuz-RELEASE`. */
  boots: string;
  /** What it wrote to saved_entry; undefined when it wrote nothing. */
  saves: string | undefined;
}

/**
 * GRUB without the commands that start a kernel or write to a disk: functions in their places say what they were asked
 * for, and go on to the next configuration.
 */
const MAIN = `serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
function linux {
  echo "BOOTS \${variant} \${1}"
  configfile \${next}
}
function multiboot { true; }
function multiboot2 { true; }
function module { linux \${1}; }
function module2 { linux \${1}; }
function load_env { source \${prefix}/env.cfg; }
function save_env { if [ "$1" = saved_entry ]; then echo "SAVES \${variant} \${saved_entry} ENDS"; fi; }
configfile (memdisk)/v0/grub.cfg
`;

const LEFT = 'default next_entry saved_entry prev_saved_entry boot_once lockstep_guard chosen';

/** GRUB goes no deeper than some thirty files into one another. */
const AT_ONCE = 10;

/** Lets the suite's own GRUB, in qemu, go through configurations one after the other. @param root has grub-pc-bin */
export async function bootGrub(
  root: ClientRoot,
  scratch: string,
  variants: readonly GrubVariant[],
): Promise<GrubOutcome[]> {
  const outcomes: GrubOutcome[] = [];
  for (let at = 0; at < variants.length; at += AT_ONCE) {
    outcomes.push(...(await bootSome(root, scratch, variants.slice(at, at + AT_ONCE))));
  }
  return outcomes;
}

async function bootSome(
  root: ClientRoot,
  scratch: string,
  variants: readonly GrubVariant[],
): Promise<GrubOutcome[]> {
  await root.must(['rm', '-rf', '/tmp/memdisk']);
  const put = async (file: string, content: string): Promise<void> => {
    const target = path.join(root.path, 'tmp/memdisk', file);
    await fs.mkdir(path.dirname(target), { recursive: true });
    await fs.writeFile(target, content);
  };
  await put('grub/grub.cfg', MAIN);
  for (const [at, { cfg, env = {} }] of variants.entries()) {
    const exported = {
      variant: at,
      prefix: `(memdisk)/v${at}`,
      next: `(memdisk)/v${at + 1}/grub.cfg`,
    };
    const start = [
      ...LEFT.split(' ').map((name) => `unset ${name}`),
      ...Object.entries(exported).map(([name, value]) => `set ${name}=${value}\nexport ${name}`),
    ];
    const lines = Object.entries(env).map(([name, value]) => `set ${name}='${value}'\n`);
    await put(`v${at}/grub.cfg`, `${start.join('\n')}\n${cfg}`);
    await put(`v${at}/env.cfg`, lines.join(''));
    await put(`v${at}/grubenv`, '# GRUB Environment Block\n');
  }
  await put(`v${variants.length}/grub.cfg`, 'reboot\n');
  const modules = 'biosdisk memdisk tar normal configfile echo test true serial terminal reboot';
  await root.must([
    'sh',
    '-euc',
    `cd /tmp/memdisk && tar cf ../memdisk.tar . && cd /usr/lib/grub/i386-pc &&
     grub-mkimage -O i386-pc -m /tmp/memdisk.tar -p '(memdisk)/grub' -o /tmp/core.img ${modules} &&
     cat boot.img /tmp/core.img >/tmp/grub.img && truncate -s %1M /tmp/grub.img`,
  ]);
  const image = path.join(scratch, 'grub.img');
  await fs.copyFile(path.join(root.path, 'tmp/grub.img'), image);
  const { stdout } = await runMachine('amd64', ['-drive', `file=${image},format=raw,if=ide`], 120);
  // A line goes on in the next one after 80 characters.
  // eslint-disable-next-line no-control-regex
  const text = stdout.replaceAll(/\u001B\[[0-9;?]*[A-Za-z]|[\r\n]/g, '');
  return variants.map((_, at) => ({
    boots:
      new RegExp(`BOOTS ${at} (?<kernel>/boot/vmlinuz-[^ ]*-amd64|/windows)`).exec(text)?.groups?.[
        'kernel'
      ] ?? `nothing:\n${stdout.slice(-2000)}`,
    saves: new RegExp(`SAVES ${at} ?(?<entry>\\S+) ENDS`).exec(text)?.groups?.['entry'],
  }));
}
