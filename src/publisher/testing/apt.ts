import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type Apt, aptWith } from '../../programs/apt.ts';

/**
 * The host's apt in a root of its own, which knows nothing but the given `.sources` file.
 *
 * @param status the text of dpkg's `status`: what is installed
 */
export function makeApt(
  root: string,
  sources: string,
  foreign: string[] = [],
  { native = 'amd64', status = '' }: { native?: string; status?: string } = {},
): Apt {
  for (const folder of [
    'etc/apt/sources.list.d',
    'etc/apt/apt.conf.d',
    'etc/apt/preferences.d',
    'etc/apt/trusted.gpg.d',
    'var/lib/apt/lists/partial',
    'var/cache/apt/archives/partial',
    'var/lib/dpkg',
  ]) {
    mkdirSync(path.join(root, folder), { recursive: true });
  }
  writeFileSync(path.join(root, 'var/lib/dpkg/status'), status);
  writeFileSync(path.join(root, 'etc/apt/sources.list.d/test.sources'), sources);
  writeFileSync(
    path.join(root, 'apt.conf'),
    `Dir "${root}/";
Dir::Etc "etc/apt/";
Dir::State::status "${root}/var/lib/dpkg/status";
APT::Architecture "${native}";
APT::Architectures { ${[native, ...foreign].map((name) => `"${name}";`).join(' ')} };
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::http::Proxy "DIRECT";
`,
  );
  return aptWith(path.join(root, 'apt.conf'));
}

/** Runs `apt-get update`; throws when apt says anything but that it went well. */
export async function update(apt: Apt): Promise<string> {
  const { exitCode, stdout, stderr } = await apt.get(['update']);
  if (exitCode !== 0 || stderr !== '' || /^(?:[WEN]|Err):/m.test(stdout)) {
    throw new Error(`apt-get update: ${exitCode}\n${stdout}\n${stderr}`);
  }
  return stdout;
}
