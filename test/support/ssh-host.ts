import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { runProgram } from '../../src/programs/run.ts';
import { freePort, listening } from './static-servers.ts';

/** Where a command that comes by ssh is killed. */
export interface Kill {
  /** Which of the commands from now on, counted from 1. */
  command: number;
  /** Right before its so-manieth call of one of these. */
  call: 'rename' | 'unlink';
  place: number;
}

/** A host that this user reaches by ssh: an sshd of its own on this machine, with keys of its own. */
export interface SshHost extends AsyncDisposable {
  /** `user@host`. */
  address: string;
  /** In the form of ssh_config(5). */
  config: string;
  /** Kills a command to come; undefined: none. */
  kill(kill: Kill | undefined): Promise<void>;
  /** How many commands came since the last `kill`. */
  commands(): Promise<number>;
}

/** Counts commands, and runs one of them under strace, which kills it. */
const FORCED = `#!/bin/sh
state=$1
count=$(($(cat "$state/count") + 1))
echo "$count" >"$state/count"
read -r command call place <"$state/kill"
if [ "$count" = "$command" ]; then
	case $call in
	rename) calls='?rename,?renameat,?renameat2' ;;
	*) calls='?unlink,?unlinkat' ;;
	esac
	exec strace -f -qqq -o /dev/null -e "trace=$calls" \\
		-e "inject=$calls:signal=SIGKILL:when=$place" sh -c "$SSH_ORIGINAL_COMMAND"
fi
exec sh -c "$SSH_ORIGINAL_COMMAND"
`;

/** @param folder an empty one */
export async function sshHost(folder: string): Promise<SshHost> {
  const file = (name: string): string => path.join(folder, name);
  for (const name of ['host', 'user']) {
    await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
  }
  await fs.writeFile(file('forced'), FORCED, { mode: 0o755 });
  const user = os.userInfo().username;
  if (process.geteuid?.() === 0) {
    // Where sshd puts those who are not logged in yet.
    await fs.mkdir('/run/sshd', { recursive: true });
  }
  const port = await freePort();
  const settings = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('user.pub')}`,
    `ForceCommand ${file('forced')} ${folder}`,
    ...['PidFile none', 'UsePAM no', 'StrictModes no', 'PasswordAuthentication no'],
    'PermitRootLogin prohibit-password',
  ];
  await fs.writeFile(file('sshd_config'), `${settings.join('\n')}\n`);
  const hostKey = (await fs.readFile(file('host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await fs.writeFile(file('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  const client = [
    'Host mirror.test',
    '  HostName 127.0.0.1',
    `  Port ${port}`,
    `  IdentityFile ${file('user')}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${file('known_hosts')}`,
    '  StrictHostKeyChecking yes',
  ];
  await fs.writeFile(file('ssh_config'), `${client.join('\n')}\n`);
  const kill = async (what: Kill | undefined): Promise<void> => {
    const { command, call, place } = what ?? { command: 0, call: 'rename', place: 0 };
    await fs.writeFile(file('kill'), `${command} ${call} ${place}\n`);
    await fs.writeFile(file('count'), '0\n');
  };
  await kill(undefined);
  const log = await fs.open(file('log'), 'w');
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config')], {
    stdio: ['ignore', 'ignore', log.fd],
  });
  const ended = once(child, 'close');
  await log.close();
  await listening(port, ended);
  return {
    address: `${user}@mirror.test`,
    config: file('ssh_config'),
    kill,
    commands: async () => Number(await fs.readFile(file('count'), 'utf8')),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
