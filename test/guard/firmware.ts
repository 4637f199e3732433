import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { ClientRoot } from '../support/client-root.ts';
import { runMachine } from '../support/qemu.ts';

/** A machine with UEFI firmware. */
export interface FirmwareMachine {
  /** Files of the package ovmf: the firmware, and the variables that every start begins with. */
  firmware: string;
  variables: string;
  /** What qemu imitates. */
  args: readonly string[];
  /** Seconds that one start may take. */
  seconds: number;
}

/** The releases of the kernels of a suite and its security updates, the oldest first. */
export async function cloudReleases(root: ClientRoot): Promise<string[]> {
  const shown = await root.must(['apt-cache', 'show', 'linux-image-cloud-amd64']);
  return [...shown.matchAll(/linux-latest-modules-(?<release>[^ ,]+)/g)]
    .map((match) => match.groups?.['release'] ?? '')
    .toSorted();
}

/** Lines of shell for a root with mtools and dosfstools: `/esp` becomes the disk `/esp.img`. */
export const PACK_ESP =
  'truncate -s 100M /esp.img && mkfs.vfat -F 32 /esp.img >/dev/null && mcopy -s -i /esp.img /esp/* ::';

/** Starts a machine from an ESP. @returns the kernel that says hello, `nothing` when none does; and all of the console */
export async function startFromEsp(
  root: ClientRoot,
  { firmware, variables, args, seconds }: FirmwareMachine,
  esp: string,
): Promise<{ release: string; text: string }> {
  const own = path.join(root.path, 'variables');
  let text = '';
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await fs.copyFile(path.join(root.path, variables), own);
    ({ stdout: text } = await runMachine(
      'amd64',
      [
        ...args,
        ...['-drive', `if=pflash,format=raw,readonly=on,file=${path.join(root.path, firmware)}`],
        ...['-drive', `if=pflash,format=raw,file=${own}`],
        ...['-drive', `if=none,id=esp,format=raw,file=${esp}`],
        ...['-device', 'nvme,drive=esp,serial=esp'],
      ],
      seconds,
    ));
    const release = /Linux version (?<release>\S+)/.exec(text)?.groups?.['release'];
    if (release !== undefined) {
      return { release, text };
    }
  }
  return { release: 'nothing', text };
}
