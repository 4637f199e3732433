import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { sha256 } from '../core/hash.ts';

/**
 * The recipe's own version, part of every build key. It rises when the way a build is made changes the output in a
 * way that no file below says.
 */
const RECIPE_VERSION = 1;

const SCRIPTS = path.join(import.meta.dirname, 'recipe');

interface RecipeFile {
  at: string;
  content: string;
  mode: number;
}

let files: RecipeFile[] | undefined;
let hash: string | undefined;

function recipeFiles(): RecipeFile[] {
  const script = (at: string): RecipeFile => ({
    at,
    content: readFileSync(path.join(SCRIPTS, path.basename(at)), 'utf8'),
    mode: 0o755,
  });
  files ??= [
    script('usr/lib/lockstep/evaluate.bash'),
    script('usr/lib/lockstep/build.bash'),
    script('usr/lib/lockstep/cc'),
    script('usr/lib/lockstep/compile'),
    script('usr/lib/lockstep/Objects.pm'),
    script('usr/local/bin/uname'),
    {
      at: 'etc/passwd',
      content:
        'root:x:0:0:root:/root:/bin/sh\nbuild:x:1000:1000::/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n',
      mode: 0o644,
    },
    { at: 'etc/group', content: 'root:x:0:\nbuild:x:1000:\nnogroup:x:65534:\n', mode: 0o644 },
    { at: 'etc/hosts', content: '127.0.0.1 localhost lockstep\n', mode: 0o644 },
  ];
  return files;
}

const MOUNT_POINTS = [
  'dev',
  'out',
  'proc',
  'run',
  'sys',
  'tmp',
  'var/lib/dkms',
  'var/tmp',
  'etc/dkms',
];

/** Hash of everything that the recipe brings into a build. */
export function recipeHash(): string {
  hash ??= sha256(JSON.stringify([RECIPE_VERSION, recipeFiles(), MOUNT_POINTS]));
  return hash;
}

/** The scripts that evaluate and build, by their file names. */
export function recipeScripts(): { name: string; content: string }[] {
  return recipeFiles()
    .filter(({ mode }) => mode === 0o755)
    .map(({ at, content }) => ({ name: path.basename(at), content }));
}

/** Writes the layer that lies above every build root. */
export async function writeRecipeLayer(directory: string): Promise<void> {
  for (const at of MOUNT_POINTS) {
    await fs.mkdir(path.join(directory, at), { recursive: true });
  }
  for (const { at, content, mode } of recipeFiles()) {
    const file = path.join(directory, at);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, content);
    await fs.chmod(file, mode);
  }
}
