import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../src/programs/run.ts';
import { giveBuildRoots, takeBuildRoots } from './support/build-roots.ts';
import { type HostileSource, hostilePackage } from './support/hostile-package.ts';
import { type ProgramEnd, resultOf, type Scratch, scratch } from './support/program.ts';
import { smallArchive } from './support/small-archive.ts';
import { type SteerableMirror, steerableMirror } from './support/steerable-mirror.ts';
import { writeConfig } from './support/test-config.ts';
import { slow } from './support/tier.ts';
import { leftoversOf, mountsOf } from './support/traces.ts';

/** What nothing outside of a sandbox may be called, and what nothing inside may get to know. */
const canary = `lockstep-canary-${randomUUID()}`;
const secret = `lockstep-secret-${randomUUID()}`;

let mirror: SteerableMirror;
let box: Scratch;
let home: string;
let end: ProgramEnd;
let verdicts: Map<string, { verdict: string; reason: string }>;
let connections = 0;
const listener = net.createServer((socket) => {
  connections += 1;
  socket.destroy();
});

/** Where a module's build would leave something if it could. */
function outside(): string[] {
  return ['/', '/tmp', '/var/tmp', '/usr/src', '/root', '/etc', '/run', '/dev/shm', '/home'].concat(
    os.homedir(),
    box.path,
    home,
    box.tmp,
  );
}

function attacks(port: number): Record<string, HostileSource> {
  const targets = outside().map((folder) => `'${folder}/${canary}'`);
  const hostSource = path.join(box.path, 'host-source');
  const deep = 'd'.repeat(200);
  return {
    'conf-loop': { conf: 'while :; do :; done' },
    'conf-bomb': { conf: 'bomb() { sleep 100 | bomb & }; for i in {1..9999}; do bomb; done; wait' },
    'conf-flood': { conf: 'yes "all work and no play" >&2' },
    'conf-exit': { conf: 'exit 0' },
    'conf-stdin': { conf: 'read -r answer; cat; read -r answer </dev/tty; exec sleep 1000' },
    'conf-dots': { conf: 'BUILT_MODULE_NAME[0]=../../evil' },
    'conf-dots-in-location': {
      conf: 'BUILT_MODULE_NAME[0]=evil\nBUILT_MODULE_LOCATION[0]=../../../out',
    },
    'conf-many': { conf: 'for ((i = 0; i < 100000; i++)); do BUILT_MODULE_NAME[i]=m$i; done' },
    'conf-long': {
      conf: 'BUILT_MODULE_NAME[0]=evil\nMAKE[0]="true $(head -c 200000 /dev/zero | tr "\\0" x)"',
    },
    'conf-write': { conf: `for at in ${targets.join(' ')}; do echo >"$at"; done; exit 0` },
    'make-kill': { make: 'kill -9 -1; kill -9 1; kill -9 $PPID; exit 1' },
    'make-daemon': { make: `(setsid nohup sleep 1000 >/dev/null 2>&1 &) ; exit 0` },
    'make-bomb': { make: 'for i in {1..9999}; do sleep 1000 & done; wait' },
    'make-hang': { make: 'cat; exec sleep 1000' },
    'make-flood': { make: 'exec yes "all work and no play"' },
    'make-big': { make: 'dd if=/dev/zero of=evil.ko bs=1M count=10240; exit 1' },
    'make-network': {
      make: `for to in 127.0.0.1 $(hostname -I) ${externalAddresses().join(' ')}; do timeout 2 bash -c "echo >/dev/tcp/$to/${port}"; done; exit 1`,
    },
    'make-read': {
      make: `cat /etc/shadow '${box.path}/secret' /proc/1/environ /proc/*/environ; ls -la /root '${box.path}'; env; exit 1`,
    },
    'make-write': {
      make: `for at in ${targets.join(' ')} ../../../${canary} /out/../${canary}; do echo >"$at"; mkdir "$at"; done; mount -t tmpfs x /tmp; date -s 2001-01-01; exit 1`,
    },
    'make-deep': {
      make: `for i in {1..400}; do mkdir ${deep} && cd -P ${deep} || break; done; exit 1`,
    },
    'make-locked': { make: 'mkdir -p a/b; touch a/b/c; chmod 0 a/b a; exit 1' },
    'ko-link': { make: 'ln -s /etc/passwd evil.ko' },
    'ko-pipe': { make: 'mkfifo evil.ko' },
    'ko-folder': { make: 'mkdir evil.ko' },
    'ko-text': { make: 'echo "no module" >evil.ko' },
    'out-link': {
      conf: 'BUILT_MODULE_NAME[0]=evil\nPOST_BUILD=post.sh',
      files: { 'post.sh': '#!/bin/sh\nrm -f /out/evil.ko; ln -s /etc/passwd /out/evil.ko\n' },
    },
    'out-pipe': {
      conf: 'BUILT_MODULE_NAME[0]=evil\nPOST_BUILD=post.sh',
      files: { 'post.sh': '#!/bin/sh\nrm -f /out/evil.ko; mkfifo /out/evil.ko\n' },
    },
    'log-escapes': {
      make: String.raw`printf '\033]0;pwned\007\033[2J\033[31mevil.c:1: error: \033[1mred\033[0m \r\b\x9b31m\n'; exit 1`,
    },
    'deb-dots': { members: [`../../../../../../../../tmp/${canary}`, `/tmp/${canary}`] },
    'deb-link-source': { links: { 'usr/src/deb-link-source-1.0': hostSource } },
    'deb-link-folder': { links: { 'usr/src': box.path } },
    'deb-link-conf': { files: {}, links: { [`usr/src/x-1.0`]: '/', 'usr/local': '/tmp' } },
    'deb-link-copyright': {
      links: { 'usr/share/doc/deb-link-copyright-dkms/copyright': `${box.path}/secret` },
    },
    'deb-link-doc': { links: { 'usr/share/doc/deb-link-doc-dkms': `${box.path}/doc` } },
  };
}

/** What is like another one. */
const ALIKE = new Set([
  ...['conf-exit', 'conf-stdin', 'conf-dots-in-location', 'conf-many', 'conf-long', 'make-deep'],
  ...['make-locked', 'ko-pipe', 'ko-folder', 'ko-text', 'out-pipe', 'deb-link-source'],
  ...['deb-link-folder', 'deb-link-doc'],
]);

/** Modules among them that build; what they attack is not the build. */
const BUILDS = new Set(['deb-link-conf', 'deb-link-copyright', 'deb-link-doc']);

function externalAddresses(): string[] {
  return Object.values(os.networkInterfaces())
    .flat()
    .flatMap((entry) => (entry?.family === 'IPv4' ? [entry.address] : []));
}

let names: string[];

beforeAll(async () => {
  mirror = await steerableMirror();
  box = await scratch('hostile');
  home = path.join(box.path, 'home');
  await fs.writeFile(path.join(box.path, 'secret'), secret);
  await fs.mkdir(path.join(box.path, 'doc'));
  await fs.writeFile(path.join(box.path, 'doc/copyright'), secret);
  const hostSource = path.join(box.path, 'host-source');
  await fs.mkdir(hostSource);
  await fs.writeFile(
    path.join(hostSource, 'dkms.conf'),
    `PACKAGE_NAME=x\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME=x\nMAKE="echo ${secret}; false"\n`,
  );
  await new Promise<void>((resolve) => {
    listener.listen(0, '0.0.0.0', resolve);
  });
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const packages = [];
  const all = attacks(port);
  const chosen = Object.entries(all).filter(([name]) => slow || !ALIKE.has(name));
  names = chosen.map(([name]) => name);
  for (const [name, source] of chosen) {
    packages.push(await hostilePackage(box.path, name, source));
  }
  const archive = await smallArchive(mirror, box.path, packages);
  const config = await writeConfig(home, {
    archive: { mirror: mirror.url, keyring: archive.keyring },
    modules: [...names.map((name) => `${name}-dkms`), 'acpi-call-dkms'],
    more: {
      jobs: 8,
      limits: {
        evaluateSeconds: 15,
        buildMinutes: 0.75,
        logMegabytes: 1,
        fileMegabytes: 64,
        processes: 500,
      },
    },
  });
  await takeBuildRoots(path.join(home, 'state'));
  end = await box.run(['run', '-c', config, '--json']);
  verdicts = new Map(resultOf(end).targets.map((target) => [target.module, target]));
}, 600_000);

afterAll(async () => {
  listener.close();
  await mirror[Symbol.asyncDispose]();
  await giveBuildRoots(path.join(home, 'state'));
  await box[Symbol.asyncDispose]();
});

/** The whole text of the builds' logs. */
async function logs(): Promise<string> {
  const command = ['-rhas', '', path.join(home, 'state/ledger/builds'), '--include=build.log'];
  return (await runProgram('grep', command)).stdout;
}

describe('a run over hostile sources', () => {
  test('ends with 1, without a stack trace', () => {
    expect(end, end.stderr).toMatchObject({ exitCode: 1 });
    expect(end.stderr).not.toMatch(/^\s+at |BUG|lockstep: /m);
    expect(verdicts.size).toBe(names.length + 1);
  });

  test('publishes the module that does no harm', () => {
    expect(verdicts.get('acpi-call')).toMatchObject({ verdict: 'published' });
  });

  test('fails each of the others, with a reason, and nothing is broken here', () => {
    const wrong = names.filter(
      (name) =>
        verdicts.get(name)?.verdict !== (BUILDS.has(name) ? 'published' : 'failed') ||
        verdicts.get(name)?.reason === '',
    );
    expect(wrong.map((name) => [name, verdicts.get(name)])).toEqual([]);
    expect([...verdicts.values()].filter(({ reason }) => reason.includes('\n'))).toEqual([]);
    expect(verdicts.get('conf-loop')?.reason).toMatch(/not evaluated after 15 s/);
    expect(verdicts.get('make-hang')?.reason).toMatch(/not built after 45 s/);
    expect(verdicts.get('make-flood')?.reason).toMatch(/prints more than/);
    for (const name of names.filter((entry) => entry.startsWith('out-'))) {
      expect(verdicts.get(name)?.reason).toMatch(/evil\.ko is not a plain file/);
    }
  });

  test('does not build in another way what has run out of time or output', async () => {
    const builds = path.join(home, 'state/ledger/builds');
    for (const name of ['make-hang', 'make-flood']) {
      const command = ['-rl', `"module": "${name}"`, builds, '--include=record.json'];
      const record = (await runProgram('grep', command)).stdout.trim();
      const log = await fs.readFile(path.join(path.dirname(record), 'build.log'), 'utf8');
      expect(log.match(/^# bash .*attack\.sh/gm)).toHaveLength(1);
    }
  });

  test('leaves no process, no mount, no temporary file', async () => {
    expect(await leftoversOf(box.path)).toEqual([]);
    expect(await mountsOf(box.path)).toEqual([]);
    expect(await fs.readdir(box.tmp)).toEqual([]);
    expect(await fs.readdir(path.join(home, 'state'))).not.toContain('work');
  });

  test('wrote nothing outside', async () => {
    for (const folder of outside()) {
      const found = await fs.readdir(folder).catch(() => []);
      expect(found.filter((name) => name.includes(canary))).toEqual([]);
    }
    const inside = await runProgram('find', [box.path, '-name', `*${canary}*`]);
    expect(inside.stdout).toBe('');
    expect(new Date().getFullYear()).toBeGreaterThan(2001);
  });

  test('read nothing of this machine', async () => {
    const text = await logs();
    expect(text).toContain('lockstep');
    expect(text).not.toContain(secret);
    const shadow = await fs.readFile('/etc/shadow', 'utf8').catch(() => '');
    for (const line of shadow.split('\n').filter((entry) => entry !== '')) {
      expect(text).not.toContain(line);
    }
    const published = await runProgram('sh', [
      '-c',
      'for deb in $(find "$0" -name "*.deb"); do dpkg-deb --fsys-tarfile "$deb" | tar -xO; done',
      path.join(home, 'repository'),
    ]);
    expect(published.stdout).not.toContain(secret);
  });

  test('reached no network', () => {
    expect(connections).toBe(0);
  });

  test('sends nothing to a terminal that it would obey', () => {
    // eslint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(end.stderr + end.stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    expect(verdicts.get('log-escapes')?.reason).toMatch(/error:.*red/);
  });

  test('is not tried again: the next run builds nothing', async () => {
    const again = await box.run(['run', '-c', path.join(home, 'lockstep.yaml'), '--json']);
    expect(again, again.stderr).toMatchObject({ exitCode: 1 });
    expect(resultOf(again).built).toBe(0);
  });
});
