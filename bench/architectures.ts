/**
 * What became of the targets of `examples/architectures.yaml`, as the table of docs/architectures.md.
 *
 *     ./lockstep run -c examples/architectures.yaml
 *     scripts/with-node node bench/architectures.ts [--boot] [SUITE...]
 *
 * Fetches no indices and builds nothing. With `--boot`, one kernel of each suite × architecture that qemu has a machine
 * for is booted, with its module loaded and unloaded; it needs qemu-system-arm, -mips, -misc, -ppc and -x86.
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { buildRequires, crossOf } from '../src/builder/cross.ts';
import { loadConfig } from '../src/config/load.ts';
import type { Target } from '../src/model/plans.ts';
import { type Context, openContext } from '../src/run/context.ts';
import { planAll } from '../src/run/plan.ts';
import { foreignKernel, V4L2LOOPBACK_SCRIPT } from '../test/support/foreign-kernel.ts';
import { MACHINES } from '../test/support/machines.ts';
import { bootKernel } from '../test/support/qemu.ts';
import { ROOT, timed } from './support.ts';

const words = process.argv.slice(2);
const isBooting = words.includes('--boot');
const wanted = words.filter((word) => !word.startsWith('--'));

const isBuilt = ({ verdict }: Target): boolean => verdict === 'built' || verdict === 'published';

/** Names of flavours, in order, with seconds where one was built. */
function flavours(targets: readonly Target[]): string {
  return targets
    .map(({ kernel, record }) =>
      record === undefined ? kernel.flavour : `${kernel.flavour} ${record.seconds.toFixed(0)} s`,
    )
    .join(', ');
}

/** Why targets were not built: each reason once, without addresses and what follows them. */
function reasons(targets: readonly Target[]): string {
  const byReason = new Map<string, string[]>();
  for (const { kernel, verdict, reason, record } of targets) {
    const why = (record?.reason ?? reason)
      .replace(/E: Failed to fetch \S*\/(?<file>[^/\s]+)\s+(?<what>404 +Not Found).*$/, '404')
      .replace(/\/var\/lib\/dkms\/\S+\/build\//, '')
      .replaceAll('|', '\\|');
    const key = `${verdict}: ${why}`;
    byReason.set(key, [...(byReason.get(key) ?? []), kernel.flavour]);
  }
  return [...byReason].map(([why, names]) => `${names.join(', ')} ${why}`).join('; ');
}

/** Boots the first of some targets with its module. @returns what the table says of it */
async function load(context: Context, suite: string, [target]: readonly Target[]): Promise<string> {
  const { architecture = '', release = '', suites = [], flavour } = target?.kernel ?? {};
  const key = target?.record?.key;
  if (key === undefined || MACHINES[architecture] === undefined) {
    return 'no machine';
  }
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lockstep-architectures-'));
  try {
    const names = [...new Set([suite, ...suites])];
    const file = context.ledger.moduleFile(key, 'v4l2loopback.ko');
    const kernel = await foreignKernel(folder, names, architecture, release, [file]);
    const boot = { ...kernel, modules: ['v4l2loopback'], script: V4L2LOOPBACK_SCRIPT };
    const { seconds, result } = await timed(() => bootKernel({ ...boot, timeoutSeconds: 300 }));
    const tries = result.attempts > 1 ? `, boot ${result.attempts}` : '';
    return result.exitCode === 0
      ? `${flavour} ${seconds.toFixed(0)} s${tries}`
      : `no: ${result.console.trim().split('\n').at(-1)?.slice(0, 80) ?? ''}`;
  } catch (error) {
    return `not tried: ${String(error).split('\n')[0]?.slice(0, 120)}`;
  } finally {
    await fs.rm(folder, { recursive: true });
  }
}

const context = await openContext({
  config: await loadConfig(path.join(ROOT, 'examples/architectures.yaml')),
  emit: () => undefined,
  signal: new AbortController().signal,
  command: 'bench',
  wait: 0,
  exclusive: false,
});
const { survey, plan } = await planAll(context, { refresh: false });
const print = (...cells: string[]): void => {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
};
print('suite', 'architecture', 'compiler', 'built and verified', 'not built', 'loaded in qemu');
print('---', '---', '---', '---', '---', '---');
for (const { suite } of survey.suites) {
  if (wanted.length > 0 && !wanted.includes(suite)) {
    continue;
  }
  const here = plan.targets.filter(({ suites }) => suites.includes(suite));
  for (const architecture of new Set(here.map(({ kernel }) => kernel.architecture))) {
    const targets = here.filter(({ kernel }) => kernel.architecture === architecture);
    const cross = crossOf(context.machine.architecture, architecture);
    const compilers = targets.flatMap(({ kernel }) =>
      kernel.headers === undefined ? [] : buildRequires(kernel.headers, cross),
    );
    const built = targets.filter(isBuilt);
    print(
      suite,
      architecture,
      [...new Set(compilers)].filter((name) => /^gcc-\d/.test(name)).join(', '),
      flavours(built) || '–',
      reasons(targets.filter((target) => !isBuilt(target))) || '–',
      isBooting && built.length > 0 ? await load(context, suite, built) : '–',
    );
  }
}
await context.close();
