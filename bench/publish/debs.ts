import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { formatStanza } from '../../src/debian/control.ts';
import { arMember, tarOf } from '../../src/publisher/testing/archives.ts';
import { ARCHITECTURES } from './names.ts';

/** Modules of every kernel, in the names' usual lengths. */
const MODULES = 25;
const STEMS = [
  'acpi-call',
  'bbswitch',
  'ddcci',
  'evdi',
  'iptables-netflow',
  'jool',
  'lttng-modules',
];
const MORE = ['nvidia-open', 'openafs', 'openrazer', 'r8168', 'v4l2loopback', 'virtualbox', 'zfs'];

function moduleName(index: number): string {
  const stems = [...STEMS, ...MORE];
  const round = Math.floor(index / stems.length);
  return `${stems[index % stems.length] ?? ''}${round === 0 ? '' : `-${round + 1}`}`;
}

interface Names {
  name: string;
  version: string;
  architecture: string;
  release: string;
  module: string;
}

/** The package of a number: modules by kernels by architectures, the newest kernels last. */
export function namesOf(index: number): Names {
  const architecture = ARCHITECTURES[index % ARCHITECTURES.length] ?? '';
  const rest = Math.floor(index / ARCHITECTURES.length);
  const module = moduleName(rest % MODULES);
  const abi = Math.floor(rest / MODULES);
  const linux = `6.${12 + Math.floor(abi / 150)}.${(abi % 150) + 1}`;
  const release = `${linux}+deb13-${architecture}`;
  const name = `${module}-modules-${release}`;
  return { name, version: `0.${15 + (rest % 7)}.2-2+${linux}+1`, architecture, release, module };
}

/** Bytes that look like a compressed module: nothing can be saved of them. */
function noise(seed: string, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < length; at += 64) {
    parts.push(createHash('sha512').update(`${seed} ${at}`).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

function tarsOf({ name, version, architecture, release, module }: Names): [Buffer, Buffer] {
  const files: [string, string | Buffer][] = [
    [`./usr/lib/depmod.d/${module}-${release}.conf`, `override ${module} ${release} updates\n`],
    [`./usr/lib/modules/${release}/updates/${module}/${module}.ko.xz`, noise(name, 600)],
    [`./usr/share/doc/${name}/changelog.Debian.gz`, noise(`${name} log`, 150)],
    [`./usr/share/doc/${name}/copyright`, `Copyright of ${module}\nLicense: GPL-2\n`],
  ];
  const sums = files.map(([file, content]) => {
    const sum = createHash('md5').update(content).digest('hex');
    return `${sum}  ${file.slice(2)}\n`;
  });
  const linux = release.slice(0, release.indexOf('+'));
  const control = formatStanza([
    ['Package', name],
    ['Source', `${module}-modules`],
    ['Version', version],
    ['Architecture', architecture],
    ['Maintainer', 'Example Modules <modules@example.org>'],
    ['Installed-Size', '12'],
    ['Depends', `linux-image-${release}`],
    [
      'Built-Using',
      `linux (= ${linux}-1), ${module} (= ${version.slice(0, version.indexOf('+'))})`,
    ],
    ['Section', 'kernel'],
    ['Priority', 'optional'],
    ['Homepage', `https://example.org/${module}`],
    [
      'Description',
      `${module} kernel module for Linux ${release}\n Prebuilt kernel module ${module} for Linux ${release} (${linux}-1): a device\n of the bench. Built from ${module}-dkms. No compiler, headers or DKMS are needed.\n Install ${module}-modules-${architecture} instead to follow the newest kernel.`,
    ],
  ]);
  const script = `#!/bin/sh\nset -e\ndepmod ${release}\n`;
  return [
    tarOf([
      ['./control', control],
      ['./md5sums', sums.join('')],
      ['./postinst', script],
      ['./postrm', script],
    ]),
    tarOf(files),
  ];
}

const BATCH = 1000;

/**
 * Writes small real packages of the given numbers, compressed as `dpkg-deb` does it.
 *
 * @param directory made; what is there already is taken as it is
 * @returns their paths
 */
export function writeDebs(directory: string, first: number, count: number): string[] {
  fs.mkdirSync(directory, { recursive: true });
  const paths: string[] = [];
  for (let from = first; from < first + count; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, first + count - from) }, (_, at) =>
      namesOf(from + at),
    );
    const files = batch.map(({ name, version, architecture }) =>
      path.join(directory, `${name}_${version}_${architecture}.deb`),
    );
    paths.push(...files);
    if (files.every((file) => fs.existsSync(file))) {
      continue;
    }
    const scratch = fs.mkdtempSync(path.join(directory, '.tmp-'));
    const tars = batch.flatMap((names, at) =>
      tarsOf(names).map((tar, which) => {
        const file = path.join(scratch, `${at}.${which}`);
        fs.writeFileSync(file, tar);
        return file;
      }),
    );
    const { status, stderr } = spawnSync('xz', ['-6', '-T1', '--check=crc32', '--', ...tars]);
    if (status !== 0) {
      throw new Error(`xz: ${stderr.toString()}`);
    }
    for (const [at, file] of files.entries()) {
      const member = (which: number): Buffer =>
        fs.readFileSync(path.join(scratch, `${at}.${which}.xz`));
      fs.writeFileSync(
        file,
        Buffer.concat([
          Buffer.from('!<arch>\n'),
          arMember('debian-binary', Buffer.from('2.0\n')),
          arMember('control.tar.xz', member(0)),
          arMember('data.tar.xz', member(1)),
        ]),
      );
    }
    fs.rmSync(scratch, { recursive: true });
  }
  return paths;
}
