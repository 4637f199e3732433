import { existsSync, rmSync, writeSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { z } from 'zod';
import type { SigningKey } from '../../src/publisher/key.ts';
import { fileOperations } from '../../src/publisher/operations.ts';
import { publish } from '../../src/publisher/publish.ts';

// Started by publisher-kill.ts with UV_THREADPOOL_SIZE=1: all that the publisher does to the disk is done by one
// thread, which another process can trace. Stops twice until a file is there: before it begins, and before it changes
// the repository. From there on it does one thing after another, so that a call can be found by its number.
const scenarioSchema = z.object({
  directory: z.string(),
  stateDirectory: z.string(),
  url: z.string(),
  date: z.iso.datetime(),
  debs: z.array(z.string()),
  fingerprint: z.string(),
  publicKey: z.string(),
  /** The file that lets it through a gate; it removes it. */
  pass: z.string(),
});
const answerSchema = z.object({ id: z.number(), value: z.unknown() });

export type PublisherScenario = Omit<z.input<typeof scenarioSchema>, 'pass'>;

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
const { fingerprint, publicKey, date, debs, pass, ...rest } = scenario;
const key: SigningKey = {
  fingerprint,
  publicKey,
  sign: async (content) => z.string().parse(await ask('sign', content)),
  verify: async (content) => z.boolean().parse(await ask('verify', content)),
  isOurs: async (content) => z.boolean().parse(await ask('verify', content)),
};

/** Says at which gate it is, and waits until it is let through: on this thread alone, whatever it is in. */
function gate(line: string): void {
  writeSync(1, `${line}\n`);
  while (!existsSync(pass)) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
  rmSync(pass);
}

let isFirst = true;
const disk = fileOperations(() => {
  if (isFirst) {
    isFirst = false;
    gate('changes');
  }
});
gate(`begins ${await workerThread()}`);
const suite = { suite: 'trixie', codename: 'trixie', component: 'main', architectures: ['amd64'] };
await publish({ ...rest, origin: 'Crash', key, date: new Date(date), disk }, [{ ...suite, debs }]);
process.disconnect();
