import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { formatStanza } from '../../src/debian/control.ts';
import { runProgram, type RunResult } from '../../src/programs/run.ts';
import type { DebianAccess } from './mirror.ts';

/** A `Packages` file as apt keeps it. */
export interface DownloadedIndex {
  file: string;
  suite: string;
  component: string;
}

/** An apt of its own for a machine of some architecture with nothing installed. */
export interface IndexRoot {
  /** Path of its apt.conf. */
  config: string;
  /** Fetches its indices. @returns what apt says is wrong with one that can't be had, if so */
  update(): Promise<string | undefined>;
  indices(): Promise<DownloadedIndex[]>;
  /** The architectures that the first suite's Release file lists. */
  architectures(): Promise<string[]>;
  /** Runs a program under this apt's configuration; throws unless its status is 0. */
  must(program: string, args: readonly string[]): Promise<RunResult>;
}

/** What apt says of an index that is not the one its signed Release file names: a mirror that is out of step. */
const OUT_OF_STEP = /File has unexpected size|Hash Sum mismatch|404 +Not Found/;

/** @param folder made when missing; the caller removes it */
export async function indexRoot(
  folder: string,
  suites: readonly string[],
  architecture: string,
  access: DebianAccess,
): Promise<IndexRoot> {
  const folders = ['etc/apt/sources.list.d', 'var/lib/apt/lists/partial', 'var/lib/dpkg'];
  folders.push('etc/apt/apt.conf.d', 'etc/apt/preferences.d', 'var/cache/apt/archives/partial');
  await Promise.all(folders.map((name) => fs.mkdir(path.join(folder, name), { recursive: true })));
  const config = path.join(folder, 'apt.conf');
  const lists = path.join(folder, 'var/lib/apt/lists');
  await fs.writeFile(path.join(folder, 'var/lib/dpkg/status'), '');
  await fs.writeFile(
    config,
    [
      `Dir "${folder}/";`,
      `Dir::State::status "${folder}/var/lib/dpkg/status";`,
      `APT::Architecture "${architecture}";`,
      `APT::Architectures { "${architecture}"; };`,
      'APT::Sandbox::User "root";',
      'APT::Update::Error-Mode "any";',
      'Acquire::Languages "none";',
      ...access.transport,
      '',
    ].join('\n'),
  );
  await fs.writeFile(
    path.join(folder, 'etc/apt/sources.list.d/debian.sources'),
    suites
      .map((suite) =>
        formatStanza([
          ['Types', 'deb'],
          ['URIs', access.mirrorOf(suite)],
          ['Suites', suite],
          ['Components', 'main'],
          ['Signed-By', access.keyring],
          ['Check-Valid-Until', 'no'],
        ]),
      )
      .join('\n'),
  );
  const env = { APT_CONFIG: config };
  const must = (program: string, args: readonly string[]): Promise<RunResult> =>
    runProgram(program, args, { env });
  return {
    config,
    must,
    async update() {
      const { exitCode, stderr } = await runProgram('apt-get', ['update', '-q'], {
        env,
        allowFailure: true,
      });
      if (exitCode !== 0 && !OUT_OF_STEP.test(stderr)) {
        throw new Error(`apt-get update, ${suites.join(', ')} ${architecture}: ${stderr}`);
      }
      return exitCode === 0 ? undefined : OUT_OF_STEP.exec(stderr)?.[0];
    },
    async indices() {
      const { stdout } = await must('apt-get', [
        ...['indextargets', '--format', '$(FILENAME)\t$(RELEASE)\t$(COMPONENT)'],
        'Created-By: Packages',
      ]);
      return stdout.split('\n').flatMap((line) => {
        const [file, suite, component] = line.split('\t');
        return file && suite && component ? [{ file, suite, component }] : [];
      });
    },
    async architectures() {
      const release = (await fs.readdir(lists)).find((name) => name.endsWith('_InRelease'));
      const text = await fs.readFile(path.join(lists, release ?? 'InRelease'), 'utf8');
      const listed = /^Architectures: (?<names>.+)$/m.exec(text)?.groups?.['names'] ?? '';
      return listed.split(' ').filter((name) => name !== 'all');
    },
  };
}
