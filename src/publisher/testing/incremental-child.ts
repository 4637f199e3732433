import { readFileSync } from 'node:fs';
import { fileOperations } from '../operations.ts';
import { publish } from '../publish.ts';

// usage: node incremental-child.ts REPOSITORY STATE LIST
// Publishes the packages of a list, one path a line, and prints each change to the disk. Its signatures are none.
const [directory = '', stateDirectory = '', list = ''] = process.argv.slice(2);
const disk = fileOperations((step, file) => {
  process.stdout.write(`${step} ${file}\n`);
});
await publish(
  {
    ...{ directory, stateDirectory, disk, origin: 'Test', url: 'http://localhost/' },
    key: {
      fingerprint: '0'.repeat(40),
      publicKey: 'none\n',
      sign: (content) =>
        Promise.resolve(
          `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${content}-----BEGIN PGP SIGNATURE-----\n\nnone\n-----END PGP SIGNATURE-----\n`,
        ),
      verify: () => Promise.resolve(true),
      isOurs: () => Promise.resolve(true),
    },
    date: new Date('2026-11-11T11:11:11Z'),
  },
  [
    {
      ...{ suite: 'trixie', codename: 'trixie', component: 'main' },
      architectures: ['amd64', 'arm64', 'armhf'],
      debs: readFileSync(list, 'utf8').trimEnd().split('\n'),
    },
  ],
);
