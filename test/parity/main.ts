import { usualSuites } from '../support/mirror.ts';
import { chooseKernels, readKernels } from './kernels.ts';
import { parseOptions, USAGE } from './options.ts';
import { runDkms } from './run-dkms.ts';

const options = parseOptions(process.argv.slice(2));
if (options.help) {
  process.stdout.write(USAGE);
  process.exit();
}
const tell = (line: string): void => {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
};
const kernels = chooseKernels(await readKernels(usualSuites(options.suite)), options.release);
for (const kernel of kernels) {
  tell(`${options.suite} ${kernel.release}: ${kernel.headers.packages.map((p) => p.name).join(' ')}; ${kernel.headers.requires.join(' ')}`);
  await runDkms(options.suite, kernel, { ...options, tell });
}
