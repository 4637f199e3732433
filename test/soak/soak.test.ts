import { expect, test } from 'vitest';
import { slow } from '../support/tier.ts';
import { soak } from './soak.ts';

const MINUTES = 60_000;

test.runIf(slow && process.geteuid?.() === 0)(
  'a watch comes through kills, a flaky mirror and a full disk',
  async () => {
    const told: string[] = [];
    const { problems } = await soak({
      ...{ seed: 7, steps: 6, idleLooks: 60 },
      signal: AbortSignal.timeout(55 * MINUTES),
      tell: (line) => void told.push(line),
    });
    expect(problems, told.join('\n')).toEqual([]);
  },
  60 * MINUTES,
);
