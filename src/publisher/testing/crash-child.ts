import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { fileOperations } from '../operations.ts';
import { publishPresigned } from './generations.ts';

// usage: node crash-child.ts SCENARIO.json N
// Publishes the scenario and kills itself right before the Nth change to the disk. Exit status 0: there were fewer.
const scenario = z
  .object({
    directory: z.string(),
    stateDirectory: z.string(),
    fingerprint: z.string(),
    publicKey: z.string(),
    debs: z.array(z.string()),
    inRelease: z.string(),
  })
  .parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
let left = Number(process.argv[3]);
const disk = fileOperations(() => {
  left -= 1;
  if (left === 0) {
    process.kill(process.pid, 'SIGKILL');
  }
});
await publishPresigned(scenario, disk);
