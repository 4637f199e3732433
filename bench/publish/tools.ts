import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ARCHITECTURES } from './names.ts';

/** A way to publish packages, at work on a repository of its own. */
export interface Tool {
  name: string;
  /** What has to be there: a program of a Debian package of the same name. */
  program: string | undefined;
  environment: Record<string, string>;
  /**
   * What adds packages and publishes.
   *
   * @param all paths of all that the repository shall have then
   * @param added paths of those that are new
   */
  add(all: readonly string[], added: readonly string[]): readonly string[];
  /** Takes packages out again; commands whose failure is of no matter. */
  remove(all: readonly string[], gone: readonly string[]): readonly (readonly string[])[];
}

const ORIGIN = 'Bench';

/** A key without a passphrase for the others; Lockstep makes its own. */
export function makeKey(home: string): void {
  if (!fs.existsSync(home)) {
    fs.mkdirSync(home, { recursive: true, mode: 0o700 });
    const args = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', ''];
    spawnSync('gpg', [...args, '--quick-generate-key', 'bench', 'ed25519', 'sign', 'never'], {
      env: { ...process.env, GNUPGHOME: home },
    });
  }
}

function nameOf(deb: string): string {
  return path.basename(deb).split('_')[0] ?? '';
}

export function lockstep(folder: string): Tool {
  const list = path.join(folder, 'list');
  const child = path.join(import.meta.dirname, 'child.ts');
  const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
  const add = (all: readonly string[]): readonly string[] => {
    fs.writeFileSync(list, `${all.join('\n')}\n`);
    const places = [path.join(folder, 'ours'), path.join(folder, 'ours.state'), list];
    return [...node, '--max-semi-space-size=4', child, ...places];
  };
  return {
    name: 'lockstep',
    program: undefined,
    environment: { NODE_COMPILE_CACHE: path.join(folder, 'compiled') },
    add,
    remove: (all) => [add(all)],
  };
}

/** With the same indices: `.gz`, `.xz`, and `Contents`. */
export function reprepro(folder: string, home: string): Tool {
  const base = path.join(folder, 'reprepro');
  fs.mkdirSync(path.join(base, 'conf'), { recursive: true });
  fs.writeFileSync(
    path.join(base, 'conf/distributions'),
    `Origin: ${ORIGIN}\nLabel: ${ORIGIN}\nSuite: trixie\nCodename: trixie\n` +
      `Architectures: ${ARCHITECTURES.join(' ')}\nComponents: main\n` +
      'DebIndices: Packages Release . .gz .xz\nContents: . .gz\nSignWith: default\n',
  );
  const start = ['reprepro', '--silent', '--basedir', base];
  return {
    name: 'reprepro',
    program: 'reprepro',
    environment: { GNUPGHOME: home },
    add: (_all, added) => [...start, 'includedeb', 'trixie', ...added],
    remove: (_all, gone) => [[...start, 'remove', 'trixie', ...gone.map(nameOf)]],
  };
}

/** With the indices that it writes of itself: plain, `.gz`, `.bz2` and `Contents`. */
export function aptly(folder: string, home: string): Tool {
  const config = path.join(folder, 'aptly.conf');
  fs.writeFileSync(
    config,
    JSON.stringify({
      ...{ rootDir: path.join(folder, 'aptly'), gpgProvider: 'gpg' },
      architectures: ARCHITECTURES,
    }),
  );
  const start = `aptly -config="$0"`;
  const update =
    `if [ -e "$1/public/dists/trixie/InRelease" ]; then ${start} publish update -batch trixie; ` +
    `else ${start} publish repo -batch -acquire-by-hash r; fi`;
  const run = (script: string, names: readonly string[]): readonly string[] => [
    ...['sh', '-c', `set -e; ${script}; ${update}`, config, path.join(folder, 'aptly'), ...names],
  ];
  return {
    name: 'aptly',
    program: 'aptly',
    environment: { GNUPGHOME: home },
    add: (_all, added) =>
      run(
        `[ -e "$1/db" ] || ${start} repo create -distribution=trixie -component=main r; ` +
          `base=$1; shift; ${start} repo add r "$@"; set -- "$base"`,
        added,
      ),
    remove: (_all, gone) => [
      run(`base=$1; shift; ${start} repo remove r "$@"; set -- "$base"`, gone.map(nameOf)),
    ],
  };
}
