import { configSchema } from '../../config/schema.ts';
import { retireKey } from '../retirement.ts';
import { rotateKey } from '../rotation.ts';

// usage: node rotate-child.ts STATE rotate|retire
const [, , state = '', command = ''] = process.argv;
const config = configSchema.parse({
  repository: { origin: 'Example Modules', directory: 'nowhere' },
  state,
  archives: [{ suites: ['trixie'] }],
  modules: [{ package: 'a-dkms' }],
});
const options = { named: undefined, dryRun: false };
await (command === 'rotate'
  ? rotateKey(config, options)
  : retireKey(config, { ...options, force: true }));
