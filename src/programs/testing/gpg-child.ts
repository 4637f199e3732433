import { withGpg } from '../gpg.ts';

// usage: node gpg-child.ts HOME FINGERPRINT
// Signs with a key, says so and goes on holding the home until it is killed.
const [, , home = '', fingerprint = ''] = process.argv;
await withGpg(home, async (gpg) => {
  await gpg.clearsign(fingerprint, 'text\n');
  process.stdout.write('signed\n');
  await new Promise(() => {
    setInterval(() => undefined, 1000);
  });
});
