import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { useScratch } from '../src/core/testing/scratch.ts';
import {
  type MadePackage,
  makeModulePackage,
  makeTrackingPackage,
  type PackagerOptions,
} from '../src/packager/packages.ts';
import { makePrebuiltPackage } from '../src/packager/prebuilt.ts';
import { KERNEL, MODULE, SOURCE, RECORD, SOURCE_PACKAGE } from '../src/packager/testing/inputs.ts';
import { packageVersion } from '../src/packager/versions.ts';
import { makeGuardPackage } from '../src/packager/guard.ts';
import { type ClientRoot, clientRoot } from './support/client-root.ts';
import { slow } from './support/tier.ts';

const MINUTES = 60_000;
const INSTALL = ['apt-get', 'install', '-y', '--no-install-recommends'];
const at = useScratch('dkms-switch');
let options: PackagerOptions;

beforeAll(async () => {
  options = { directory: at('out'), maintainer: 'A <a@example.org>', origin: 'Test' };
  await fs.mkdir(options.directory);
});

async function offer(root: ClientRoot, made: readonly MadePackage[]): Promise<void> {
  const folder = await fs.mkdtemp(at('offer-'));
  for (const { file } of [...made, await makeGuardPackage(0, options)]) {
    await fs.copyFile(file, path.join(folder, path.basename(file)));
    await root.writeFile(`/srv/ours/${path.basename(file)}`, await fs.readFile(file));
  }
  const index = execFileSync('apt-ftparchive', ['packages', '.'], { cwd: folder });
  await root.writeFile('/srv/ours/Packages', index);
  await root.writeFile('/etc/apt/sources.list.d/a.list', 'deb [trusted=yes] file:/srv/ours ./\n');
  await root.must(['apt-get', 'update', '-o', 'Acquire::Check-Valid-Until=false']);
}

async function field(root: ClientRoot, name: string, what: string): Promise<string> {
  const text = await root.must(['apt-cache', 'show', '--no-all-versions', name]);
  return new RegExp(`^${what}: (?<value>.*)$`, 'm').exec(text)?.groups?.['value'] ?? '';
}

/** A DKMS package's drop-in, and tracking packages for kernels that have the module, of two tracks. */
async function dropIn(root: ClientRoot, name: string, dkms: string): Promise<MadePackage[]> {
  const version = await field(root, dkms, 'Version');
  const provides = await field(root, dkms, 'Provides');
  const source = { ...SOURCE, name: dkms, version };
  const module = { ...MODULE, name, version, provides: provides === '' ? [] : [provides] };
  const rest = { copyright: undefined, epoch: 1 };
  const tracks = ['amd64', 'cloud-amd64'];
  const inputs = { module: { ...module, source }, source: SOURCE_PACKAGE, ...rest };
  const made = [
    await makePrebuiltPackage({ ...inputs, architecture: 'amd64', tracks, version }, options),
  ];
  for (const track of tracks) {
    const image = await field(root, `linux-image-${track}`, 'Depends');
    const release = /linux-image-(?<release>\S+)/.exec(image)?.groups?.['release'] ?? '';
    const kernel = { ...KERNEL, release };
    const moduleVersion = undefined;
    const tracking = {
      ...inputs,
      files: [],
      kernel,
      track,
      moduleVersion,
      version: `${version}+1`,
    };
    made.push(await makeTrackingPackage(tracking, options));
  }
  return made;
}

async function plan(root: ClientRoot, ...names: string[]): Promise<string[]> {
  const text = await root.must(['apt-get', '-s', 'install', ...names]);
  return [...text.matchAll(/^Inst (?<name>\S+)/gm)].map((match) => match.groups?.['name'] ?? '');
}

/** Releases with mimic and cdemu-daemon. */
describe.each(slow ? ['trixie', 'sid'] : ['trixie'])('%s: who asks for a module', (codename) => {
  test(
    'gets it from DKMS, unless the drop-in is chosen',
    async () => {
      await using root = await clientRoot(codename);
      const made = [
        ...(await dropIn(root, 'mimic', 'mimic-dkms')),
        ...(await dropIn(root, 'vhba', 'vhba-dkms')),
      ];
      await offer(root, made);
      for (const [name, dkms] of [
        ['mimic', 'mimic-dkms'],
        ['cdemu-daemon', 'vhba-dkms'],
      ] as const) {
        const installed = await plan(root, name);
        expect(installed).toEqual(expect.arrayContaining([name, dkms]));
        const ours = installed.filter((one) =>
          /^linux-image|-modules-(?:amd64|cloud|pre)/.test(one),
        );
        expect(ours).toEqual([]);
      }
      const chosen = await plan(
        root,
        'mimic',
        'cdemu-daemon',
        'mimic-modules-prebuilt',
        'vhba-modules-prebuilt',
      );
      expect(chosen).toEqual(
        expect.arrayContaining(['mimic', 'cdemu-daemon', 'mimic-modules-amd64']),
      );
      expect(chosen.filter((one) => one.endsWith('dkms'))).toEqual([]);

      const cloud = await plan(root, 'vhba-modules-prebuilt', 'vhba-modules-cloud-amd64');
      expect(cloud).toContain('linux-image-cloud-amd64');
      expect(cloud).not.toContain('linux-image-amd64');
    },
    10 * MINUTES,
  );
});

/** Whether the index names a file of the module that is there, until it is stopped; by polling. */
function watch(tree: string, name: string): () => Promise<{ gaps: number; looks: number }> {
  const seen = { gaps: 0, looks: 0 };
  const stopped = new AbortController();
  const there = async (): Promise<boolean> => {
    const read = (): Promise<string> => fs.readFile(path.join(tree, 'modules.dep'), 'utf8');
    for (;;) {
      const index = await read();
      const file = index
        .split('\n')
        .find((line) => line.includes(`/${name}.ko`) && line.includes(':'));
      const target = path.join(tree, file?.split(':')[0] ?? 'missing');
      const found = await fs.stat(target).then(
        () => true,
        () => false,
      );
      if (found || (await read()) === index) {
        return found;
      }
    }
  };
  const done = (async () => {
    while (!stopped.signal.aborted) {
      seen.looks += 1;
      seen.gaps += Number(!(await there()));
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  })();
  return async () => {
    stopped.abort();
    await done;
    return seen;
  };
}

describe.runIf(slow).each(['bookworm', 'trixie', 'sid'])('%s: from DKMS', (codename) => {
  test(
    'the prebuilt module takes over and stays, without a moment in which none is there',
    async () => {
      await using root = await clientRoot(codename);
      const name = 'v4l2loopback';
      const dkms = `${name}-dkms`;
      await root.must([
        ...INSTALL,
        'linux-image-amd64',
        'linux-headers-amd64',
        'kmod',
        'gcc',
        dkms,
      ]);
      const release = (await root.must(['ls', '/lib/modules'])).trim();
      const where = (): Promise<string> => root.must(['modinfo', '-k', release, '-n', name]);
      expect(await where()).toContain('/updates/dkms/');

      const version = await field(root, dkms, 'Version');
      const copy = `cp $(modinfo -k ${release} -n ${name}) /tmp/ && { unxz /tmp/*.ko.xz || :; }`;
      await root.must(['sh', '-c', copy]);
      const file = at(`${codename}.ko`);
      await fs.copyFile(path.join(root.path, `tmp/${name}.ko`), file);
      const compression = (await where()).trim().endsWith('.xz') ? 'xz' : 'none';
      const [first] = RECORD.modules;
      const modules = first === undefined ? [] : [{ ...first, file: `${name}.ko` }];
      const record = { ...RECORD, modules, compression } as const;
      const kernel = { ...KERNEL, release, image: `linux-image-${release}` };
      const module = { ...MODULE, name, version, source: { ...SOURCE, name: dkms } };
      const own = packageVersion(version, kernel.version);
      const common = {
        module,
        copyright: undefined,
        epoch: 1,
        kernel,
        track: 'amd64',
        source: SOURCE_PACKAGE,
      };
      await offer(root, [
        await makeModulePackage(
          { ...common, record, files: [{ name: `${name}.ko`, path: file }], rebuild: 0 },
          options,
        ),
        await makeTrackingPackage(
          { ...common, files: [`${name}.ko`], version: own, moduleVersion: own },
          options,
        ),
        await makePrebuiltPackage(
          { ...common, architecture: 'amd64', tracks: ['amd64'], version },
          options,
        ),
      ]);
      for (const command of [
        [...INSTALL, `${name}-modules-prebuilt`],
        ['apt-get', 'remove', '-y', dkms],
      ]) {
        const stop = watch(path.join(root.path, 'usr/lib/modules', release), name);
        await root.must(command);
        const { gaps, looks } = await stop();
        expect(looks).toBeGreaterThan(20);
        expect(gaps, command.join(' ')).toBe(0);
        expect(await where()).toContain(`/updates/${name}/`);
      }
    },
    15 * MINUTES,
  );
});
