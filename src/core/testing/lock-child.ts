import { acquireLock } from '../lock.ts';

// usage: node lock-child.ts FOLDER COMMAND
// Takes the lock, says so and holds it until something arrives on standard input.
const [, , folder = '', command = ''] = process.argv;
const lock = await acquireLock(folder, command, 10);
process.stdout.write('locked\n');
process.stdin.once('data', () => {
  void lock.release().then(() => process.stdout.write('released\n', () => process.exit(0)));
});
