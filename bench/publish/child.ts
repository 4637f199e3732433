import { readFileSync } from 'node:fs';
import { ensureSigningKey } from '../../src/publisher/key.ts';
import { publish } from '../../src/publisher/publish.ts';
import { ARCHITECTURES } from './names.ts';

// usage: node child.ts REPOSITORY STATE LIST
// Publishes the packages of a list, one path a line: what `lockstep publish` does of it, in a process of its own.
const [directory = '', stateDirectory = '', list = ''] = process.argv.slice(2);
const key = await ensureSigningKey(stateDirectory, 'Bench');
const debs = readFileSync(list, 'utf8').trimEnd().split('\n');
const { suites } = await publish(
  {
    ...{ directory, stateDirectory, origin: 'Bench', key, url: 'http://localhost/' },
    date: new Date(),
  },
  [
    {
      ...{ suite: 'trixie', codename: 'trixie', component: 'main', debs },
      architectures: ARCHITECTURES,
    },
  ],
);
for (const { packages, added } of suites) {
  process.stdout.write(`${packages} packages, ${added.length} new\n`);
}
