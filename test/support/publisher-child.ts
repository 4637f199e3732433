import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { z } from 'zod';
import type { SigningKey } from '../../src/publisher/key.ts';
import { publish } from '../../src/publisher/publish.ts';

// Started by publisher-kill.ts with UV_THREADPOOL_SIZE=1: all that the publisher does to the disk is done by one
// thread, which another process can trace. Says which one it is, and publishes when it is told to.
const scenarioSchema = z.object({
  directory: z.string(),
  stateDirectory: z.string(),
  url: z.string(),
  date: z.iso.datetime(),
  debs: z.array(z.string()),
  fingerprint: z.string(),
  publicKey: z.string(),
});
const answerSchema = z.object({ id: z.number(), value: z.unknown() });

export type PublisherScenario = z.input<typeof scenarioSchema>;

async function workerThread(): Promise<number> {
  for (const task of await fs.readdir('/proc/self/task')) {
    const name = (await fs.readFile(`/proc/self/task/${task}/comm`, 'utf8')).trim();
    if (name === 'libuv-worker') {
      return Number(task);
    }
  }
  throw new Error('libuv has no worker thread of that name');
}

let count = 0;

/** Has the parent, which holds the key, do something with it. */
async function ask(what: 'sign' | 'verify', text: string): Promise<unknown> {
  count += 1;
  const id = count;
  const answer = new Promise<unknown>((resolve) => {
    const listen = (message: unknown): void => {
      const parsed = answerSchema.parse(message);
      if (parsed.id === id) {
        process.off('message', listen);
        resolve(parsed.value);
      }
    };
    process.on('message', listen);
  });
  process.send?.({ id, what, text });
  return answer;
}

const scenario = scenarioSchema.parse(JSON.parse(process.argv[2] ?? ''));
const { fingerprint, publicKey, date, debs, ...rest } = scenario;
const key: SigningKey = {
  fingerprint,
  publicKey,
  sign: async (content) => z.string().parse(await ask('sign', content)),
  verify: async (content) => z.boolean().parse(await ask('verify', content)),
};
const told = once(process, 'message');
process.send?.({ thread: await workerThread() });
await told;
const suite = { suite: 'trixie', codename: 'trixie', component: 'main', architectures: ['amd64'] };
await publish({ ...rest, origin: 'Crash', key, date: new Date(date) }, [{ ...suite, debs }]);
process.disconnect();
