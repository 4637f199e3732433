/**
 * What an administrator pays: `apt install v4l2loopback-modules-amd64` against `apt install v4l2loopback-dkms
 * linux-headers-amd64`, on the same trixie machine with its kernel installed, and the cost of depmod in it.
 *
 *     scripts/with-node node bench/client.ts
 */
import { type ClientRoot, clientRoot } from '../test/support/client-root.ts';
import { quickstart, serve } from '../test/support/quickstart.ts';
import { printRatios, timed } from './support.ts';

interface Cost {
  seconds: number;
  download: number;
  disk: number;
  packages: number;
}

async function diskOf(root: ClientRoot): Promise<number> {
  const text = await root.must([
    'du',
    '-sxk',
    '--exclude=/var/cache',
    '--exclude=/var/lib/apt',
    '/',
  ]);
  return Number(text.split('\t')[0]) * 1024;
}

async function install(root: ClientRoot, packages: readonly string[]): Promise<Cost> {
  const uris = await root.must(['apt-get', 'install', '-qq', '--print-uris', '-y', ...packages]);
  const sizes = [...uris.matchAll(/^'[^']+' \S+ (?<size>\d+) /gm)].map((match) => Number(match[1]));
  // The download itself is left out of the time: it measures a network.
  await root.must(['apt-get', 'install', '-qq', '--download-only', '-y', ...packages]);
  const before = await diskOf(root);
  const { seconds } = await timed(() =>
    root.must(['apt-get', 'install', '-qq', '-y', ...packages]),
  );
  return {
    seconds,
    download: sizes.reduce((sum, size) => sum + size, 0),
    disk: (await diskOf(root)) - before,
    packages: sizes.length,
  };
}

const published = await quickstart();
await using served = await serve(published.repository);
const KERNEL = [
  'apt-get',
  'install',
  '-qq',
  '-y',
  '--no-install-recommends',
  'linux-image-amd64',
  'kmod',
];

async function machine(): Promise<ClientRoot> {
  const root = await clientRoot('trixie');
  await root.writeFile(
    '/etc/apt/sources.list.d/example-modules.sources',
    await served.sources('trixie'),
  );
  await root.must(['apt-get', 'update']);
  await root.must(KERNEL);
  return root;
}

await using ours = await machine();
const mine = await install(ours, ['v4l2loopback-modules-amd64']);
const again = await install(ours, ['acpi-call-modules-amd64', 'openvpn-dco-modules-amd64']);
const depmod = await timed(() => ours.must(['depmod', published.release]));
const bare = await timed(() => ours.must(['true']));

await using theirs = await machine();
const dkms = await install(theirs, ['v4l2loopback-dkms', 'linux-headers-amd64']);

printRatios('A client installs v4l2loopback', 'apt install v4l2loopback-dkms linux-headers-amd64', [
  { name: 'wall', ours: mine.seconds, reference: dkms.seconds, unit: 's' },
  { name: 'download', ours: mine.download / 1e6, reference: dkms.download / 1e6, unit: 'MB' },
  { name: 'disk', ours: mine.disk / 1e6, reference: dkms.disk / 1e6, unit: 'MB' },
  { name: 'packages', ours: mine.packages, reference: dkms.packages, unit: '' },
]);
printRatios('Where the time of an install goes', 'one depmod of the kernel', [
  { name: 'install of one module', ours: mine.seconds, reference: depmod.seconds, unit: 's' },
  {
    name: 'install of two more modules together',
    ours: again.seconds,
    reference: depmod.seconds,
    unit: 's',
  },
  { name: 'entering the root', ours: bare.seconds, reference: depmod.seconds, unit: 's' },
]);
