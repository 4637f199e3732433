import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as fs from 'node:fs/promises';
import { expect, test } from 'vitest';
import { useScratch } from '../core/testing/scratch.ts';
import type { Outcome } from '../model/timeline.ts';
import { channelNames, deliver } from './deliver.ts';
import { noticesOf, subjectOf, textOf } from './notices.ts';
import { readSpool, writeSpool } from './spool.ts';

const at = useScratch('notices');
const signal = new AbortController().signal;

function outcome(release: string, more: Partial<Outcome> = {}): Outcome {
  return {
    ...{ type: 'failed', at: '2026-11-27T00:00:00.000Z', reason: 'error: x', key: 'a'.repeat(64) },
    ...{ suite: 'trixie', module: 'demo', moduleVersion: '1', release, architecture: 'amd64' },
    kernelVersion: '6.12-1',
    ...more,
  };
}

test('one notice a module version, whatever the number of its kernels; publications are none', () => {
  const notices = noticesOf([
    outcome('6.12-amd64'),
    outcome('6.12-rt-amd64'),
    outcome('6.12-amd64', { type: 'published' }),
    outcome('6.11-amd64', { type: 'mended' }),
    outcome('6.12-amd64', { moduleVersion: '2' }),
  ]);
  expect(notices.map(subjectOf)).toEqual([
    'demo 1 does not build for 6.12-amd64 and 1 more',
    'demo 1 builds again for 6.11-amd64',
    'demo 2 does not build for 6.12-amd64',
  ]);
});

test('untrusted text ends no line and no header', () => {
  const [notice] = noticesOf([
    outcome('6.12-amd64', { module: 'a\nBcc: x@y', reason: 'one\r\ntwo\u2028three\u202e' }),
  ]);
  if (notice === undefined) {
    throw new Error('no notice');
  }
  notice.lines.push('\u001b[31mred\n.\n');
  expect(subjectOf(notice)).not.toMatch(/[\p{C}\p{Zl}]/u);
  const text = textOf(notice, 'An\norigin');
  expect(text).not.toMatch(/^(?:Bcc|two|three|\.|origin)/m);
  expect(text).not.toContain('\u001b');
});

test('a command and a webhook get it as JSON; trouble is an error', async () => {
  const [notice] = noticesOf([outcome('6.12-amd64')]);
  if (notice === undefined) {
    throw new Error('no notice');
  }
  const hook = at('hook.sh');
  await fs.writeFile(hook, `#!/bin/sh\ncat >'${at('got')}'\n`, { mode: 0o755 });
  await deliver('command', { command: hook }, notice, 'Test', signal);
  expect(JSON.parse(await fs.readFile(at('got'), 'utf8'))).toMatchObject({
    origin: 'Test',
    subject: 'demo 1 does not build for 6.12-amd64',
    type: 'failed',
    kernels: [{ release: '6.12-amd64' }],
  });

  const bodies: string[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      bodies.push(body);
      response.statusCode = bodies.length === 1 ? 204 : 500;
      response.end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const webhook = `http://127.0.0.1:${port ?? 0}/`;
  await deliver('webhook', { webhook }, notice, 'Test', signal);
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject({ module: 'demo' });
  await expect(deliver('webhook', { webhook }, notice, 'Test', signal)).rejects.toThrow('500');
  server.close();
  await expect(deliver('webhook', { webhook }, notice, 'Test', signal)).rejects.toThrow('reached');
  await expect(
    deliver('command', { command: at('nowhere') }, notice, 'Test', signal),
  ).rejects.toMatchObject({ code: 'ENVIRONMENT' });
});

test('what could not be told is kept; a damaged file is empty', async () => {
  const file = at('notices.json');
  const pending = noticesOf([outcome('6.12-amd64')]).map((notice) => ({
    notice,
    channels: channelNames({ webhook: 'http://x/', mail: ['a@b'] }),
    attempts: 1,
  }));
  await writeSpool(file, pending);
  expect(await readSpool(file)).toEqual(pending);
  await fs.writeFile(file, '{');
  expect(await readSpool(file)).toEqual([]);
});
