import { runProgram } from './run.ts';
import { BUILD_USER, runsAsRoot } from './sandbox.ts';

/**
 * Makes an unpacked, untrusted source the property of the user that builds: whole, readable and without devices, pipes
 * and sockets, of which whoever builds shall own none.
 */
export async function handToBuilds(directory: string): Promise<void> {
  const types = ['f', 'd', 'l'].flatMap((type) => ['!', '-type', type]);
  await runProgram('chmod', ['-R', 'u+rwX', '--', directory]);
  await runProgram('find', [directory, ...types, '-delete']);
  if (runsAsRoot()) {
    await runProgram('chown', ['-R', '-h', `${BUILD_USER}:${BUILD_USER}`, '--', directory]);
  }
}
