import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { BUILD_USER, runsAsRoot } from './sandbox.ts';
import { unpackTarball } from './tar.ts';

const at = useScratch('tar');

beforeAll(async () => {
  await fs.mkdir(at('tree/folder'), { recursive: true });
  await fs.writeFile(at('tree/folder/a file'), 'content', { mode: 0o4755 });
  await fs.chmod(at('tree/folder/a file'), 0o4755);
  await fs.symlink('/etc/passwd', at('tree/link'));
  await fs.mkdir(at('tree/locked'));
  await fs.writeFile(at('tree/locked/x'), 'x');
  // Only whoever runs Lockstep can walk to it.
  await fs.mkdir(at('private'), { mode: 0o700 });
});

describe('a tarball', () => {
  test.each(['--xz', '--gzip', '--zstd', ''])(
    '%s is unpacked as the user that builds',
    async (how) => {
      const file = at(`private/a${how}`);
      const options = how === '' ? [] : [how];
      execFileSync('tar', ['-c', ...options, '-f', file, '--mode=u+w', '-C', at('tree'), '.']);
      await fs.chmod(file, 0o600);
      const folder = at(`private/out${how}`);
      await unpackTarball(file, folder);
      expect(await fs.readFile(`${folder}/folder/a file`, 'utf8')).toBe('content');
      const stat = await fs.stat(`${folder}/folder/a file`);
      expect(stat.mode & 0o7777).toBe(0o755);
      expect(stat.uid).toBe(runsAsRoot() ? BUILD_USER : process.getuid?.());
      expect(await fs.readlink(`${folder}/link`)).toBe('/etc/passwd');
    },
  );

  test('of more than the limits is refused before anything is written', async () => {
    execFileSync('tar', ['-cf', at('limits.tar'), '-C', at('tree'), '.']);
    const unpack = (name: string, entries: number, bytes: number): Promise<void> =>
      unpackTarball(at('limits.tar'), at(name), { entries, bytes });
    await unpack('fits', 6, 8);
    const many = await lockstepErrorOf(() => unpack('many', 5, 8));
    expect(many).toMatchObject({ code: 'SOURCE_INVALID', exitCode: 1 });
    expect(many.message).toBe('has more than 5 entries');
    const large = await lockstepErrorOf(() => unpack('large', 6, 7));
    expect(large.message).toBe('has more than 7 bytes');
    expect(await fs.readdir(at())).not.toContain('many');
    expect(await fs.readdir(at())).not.toContain('large');
  });

  test('that is none says so', async () => {
    await fs.writeFile(at('text.tar'), 'no tarball');
    const error = await lockstepErrorOf(() => unpackTarball(at('text.tar'), at('text')));
    expect(error.code).toBe('SOURCE_INVALID');
    expect(error.message).toContain('does not look like a tar archive');
  });
});
