import * as path from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import type { LockstepEvent } from '../../src/model/events.ts';
import type { Target } from '../../src/model/plans.ts';
import { moduleNameOf } from '../../src/modules/find.ts';
import { openRunLog } from '../../src/report/log.ts';
import { type Context, openContext } from '../../src/run/context.ts';
import { planAll, planSurvey } from '../../src/run/plan.ts';
import { buildQueued } from '../../src/run/build-all.ts';
import { usualSuites } from '../support/mirror.ts';
import { writeConfig } from '../support/test-config.ts';
import type { ParityKernel } from './kernels.ts';
import { componentsOf } from './machine.ts';
import { OUT } from './out.ts';
import type { LockstepResult } from './results.ts';

/** Seconds that Lockstep waits for another run on the suite's state folder. */
const WAIT = 6 * 3600;

/** More rounds than any chain of modules that need each other is long. */
const MAX_ROUNDS = 16;

async function open(
  suite: string,
  kernel: ParityKernel,
  packages: readonly string[],
  emit: (event: LockstepEvent) => void,
): Promise<Context> {
  const folder = path.join(OUT, 'lockstep', suite);
  const file = await writeConfig(folder, {
    archive: {
      suites: usualSuites(suite),
      components: componentsOf(suite),
      checkValidUntil: false,
    },
    kernels: { flavours: [kernel.flavour], abis: kernel.isNewest ? 'newest' : 'all' },
    modules: packages,
  });
  const config = await loadConfig(file);
  const signal = new AbortController().signal;
  return await openContext({
    config,
    emit,
    signal,
    command: 'parity',
    wait: WAIT,
    exclusive: true,
  });
}

function resultOf({ verdict, reason, record }: Target): LockstepResult {
  return { verdict, reason, ...(record === undefined ? {} : { seconds: record.seconds }) };
}

/**
 * Lets Lockstep build some packages for one kernel and no other, as `lockstep run` does but for the publication.
 *
 * @returns its verdicts by package; `absent` where the suite has none
 */
export async function runLockstep(
  suite: string,
  kernel: ParityKernel,
  packages: readonly string[],
  tell: (line: string) => void,
): Promise<Map<string, LockstepResult>> {
  const log = openRunLog(path.join(OUT, 'lockstep', suite), 'parity');
  const context = await open(suite, kernel, packages, (event) => {
    log.present(event);
    if (event.type === 'target-done') {
      tell(`${event.module}: ${event.verdict} ${event.seconds.toFixed(0)} s ${event.reason}`);
    }
  });
  try {
    const { survey } = await planAll(context, { refresh: true });
    const plan = async (): Promise<Target[]> =>
      (await planSurvey(context, survey)).targets.filter(
        (target) => target.kernel.release === kernel.release,
      );
    const tried = new Set<string>();
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const targets = (await plan()).filter(
        ({ verdict, key }) => verdict === 'queued' && !tried.has(key ?? ''),
      );
      if (targets.length === 0) {
        break;
      }
      for (const { key } of targets) {
        tried.add(key ?? '');
      }
      const { failure } = await buildQueued(context, {
        survey,
        plan: { targets, kept: [], absent: [] },
      });
      if (failure !== undefined) {
        log.error(failure);
        tell(`Lockstep: ${failure.message}`);
      }
    }
    const targets = new Map((await plan()).map((target) => [target.module.name, target]));
    return new Map(
      packages.map((name) => {
        const target = targets.get(moduleNameOf(name));
        return [
          name,
          target === undefined
            ? { verdict: 'absent', reason: 'Lockstep has no such target' }
            : resultOf(target),
        ];
      }),
    );
  } finally {
    await context.close();
    log.close();
  }
}
