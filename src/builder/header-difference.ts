import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { runProgram } from '../programs/run.ts';
import { COMMON_HEADERS, FLAVOUR_HEADERS } from './header-layout.ts';

/** What of two kernels' headers makes a difference to what is compiled with them. */
export interface HeaderDifference {
  /** Headers that differ, or that ask for an option that does: absolute paths in the sandbox. Sorted. */
  changed: string[];
  /** File names, without folder, of headers that only the second kernel has: one may hide another. Sorted. */
  added: string[];
  /** Names with `CONFIG_` of the options that differ. Sorted. */
  options: string[];
  /** `LINUX_VERSION_CODE` of the first and the second kernel; undefined when they are the same. */
  version: [number, number] | undefined;
}

const GENERATED = 'include/generated';
const CONFIG_HEADER = `${GENERATED}/autoconf.h`;
const VERSION_HEADER = `${GENERATED}/uapi/linux/version.h`;

/** No compilation reads these; `include/config` is for make. */
const NOT_READ =
  /^(?:Module\.symvers|vmlinux|\.config|\.kernelvariables|Makefile|include\/config(?:\/.*)?|include\/generated\/rustc_cfg|scripts(?:\/.*)?|tools(?:\/.*)?)$/;

/** More options than this are another flavour's: nothing could be taken from it. */
const MOST_OPTIONS = 400;

interface TreeDifference {
  changed: string[];
  added: string[];
}

/** Finds a headers folder among unpacked packages. */
async function folderIn(layers: readonly string[], name: string): Promise<string | undefined> {
  for (const layer of layers) {
    const folder = path.join(layer, name);
    if ((await fs.stat(folder).catch(() => undefined))?.isDirectory() === true) {
      return folder;
    }
  }
  return undefined;
}

/** The path that stands twice in one of diff's lines: `Files BEFORE/x and AFTER/x differ`. */
function twice(line: string, before: string, after: string): string | undefined {
  const start = `Files ${before}/`;
  const rest = line.length - start.length - ` and ${after}/`.length - ' differ'.length;
  const name = line.slice(start.length, start.length + rest / 2);
  return line === `${start}${name} and ${after}/${name} differ` ? name : undefined;
}

/** @returns undefined when something differs in a way that is not understood */
async function compareTrees(before: string, after: string): Promise<TreeDifference | undefined> {
  // Links are followed: a file under another name counts under that name too. Those that lead nowhere are not read.
  const { stdout } = await runProgram('diff', ['-rq', before, after], {
    allowFailure: true,
  });
  const difference: TreeDifference = { changed: [], added: [] };
  for (const line of stdout.split('\n')) {
    const only = /^Only in (?<folder>.*?): (?<name>.+)$/.exec(line)?.groups;
    const folder = only?.['folder'] ?? '';
    const name = only?.['name'] ?? '';
    if (only === undefined) {
      const changed = twice(line, before, after);
      if (changed !== undefined) {
        difference.changed.push(changed);
      } else if (line !== '') {
        return undefined;
      }
    } else if (folder === after || folder.startsWith(`${after}/`)) {
      const at = path.join(path.relative(after, folder), name);
      const below = await fs
        .readdir(path.join(after, at), { recursive: true })
        .catch((): string[] => []);
      difference.added.push(name, ...below.map((entry) => path.basename(entry)));
    } else {
      // What is gone may be a file that compilations read, or a folder of such.
      const at = path.join(path.relative(before, folder), name);
      const below = await fs
        .readdir(path.join(before, at), { recursive: true })
        .catch((): string[] => []);
      difference.changed.push(at, ...below.map((entry) => path.join(at, entry)));
    }
  }
  return difference;
}

/** The options of an autoconf.h, each with what it is defined as. */
async function optionsOf(folder: string): Promise<Map<string, string>> {
  const text = await fs.readFile(path.join(folder, CONFIG_HEADER), 'utf8').catch(() => '');
  return new Map(
    [...text.matchAll(/^#define (CONFIG_\w+) (.*)$/gm)].map(([, name = '', value = '']) => [
      name.replace(/_MODULE$/, ''),
      `${name} ${value}`,
    ]),
  );
}

/** An option of a module is also asked for as `CONFIG_X_MODULE`. */
function withModules(options: readonly string[]): string[] {
  return options.flatMap((name) => [name, `${name}_MODULE`]);
}

function differing(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .toSorted();
}

async function versionOf(folder: string): Promise<number> {
  const text = await fs.readFile(path.join(folder, VERSION_HEADER), 'utf8').catch(() => '');
  return Number(/^#define LINUX_VERSION_CODE (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** The headers of some folders that have any of the words. */
async function headersWith(
  folders: readonly string[],
  words: readonly string[],
): Promise<string[]> {
  if (words.length === 0) {
    return [];
  }
  const { stdout } = await runProgram(
    'grep',
    ['-rlwF', '--include=*.h', ...words.flatMap((word) => ['-e', word]), '--', ...folders],
    { allowFailure: true },
  );
  return stdout.split('\n').filter((line) => line !== '');
}

const VERSION_WORDS = [
  'LINUX_VERSION_CODE',
  'LINUX_VERSION_MAJOR',
  'LINUX_VERSION_PATCHLEVEL',
  'LINUX_VERSION_SUBLEVEL',
];

/**
 * Compares the headers of two kernels.
 *
 * @param before,after unpacked headers packages, laid out by `layOutHeaders`
 * @returns undefined when a tree is missing or the kernels are configured too differently for anything to be the same
 */
export async function compareHeaders(
  before: readonly string[],
  after: readonly string[],
): Promise<HeaderDifference | undefined> {
  const [flavourBefore, flavourAfter, commonBefore, commonAfter] = await Promise.all([
    folderIn(before, FLAVOUR_HEADERS),
    folderIn(after, FLAVOUR_HEADERS),
    folderIn(before, COMMON_HEADERS),
    folderIn(after, COMMON_HEADERS),
  ]);
  if (
    flavourBefore === undefined ||
    flavourAfter === undefined ||
    commonBefore === undefined ||
    commonAfter === undefined
  ) {
    return undefined;
  }
  const [old, now] = await Promise.all([optionsOf(flavourBefore), optionsOf(flavourAfter)]);
  const options = differing(old, now);
  if (options.length > MOST_OPTIONS) {
    return undefined;
  }
  const versions: [number, number] = [
    await versionOf(flavourBefore),
    await versionOf(flavourAfter),
  ];
  const isOther = versions[0] !== versions[1];
  const [flavour, common, asking] = await Promise.all([
    compareTrees(flavourBefore, flavourAfter),
    compareTrees(commonBefore, commonAfter),
    headersWith(
      [flavourAfter, commonAfter],
      [...withModules(options), '__has_include', ...(isOther ? VERSION_WORDS : [])],
    ),
  ]);
  const inSandbox = (host: string): string => {
    const [base, at] = host.startsWith(`${flavourAfter}/`)
      ? [flavourAfter, FLAVOUR_HEADERS]
      : [commonAfter, COMMON_HEADERS];
    return `/${at}/${path.relative(base, host)}`;
  };
  if (flavour === undefined || common === undefined) {
    return undefined;
  }
  // These two are asked by what they say, not by their bytes.
  const special = new Set([CONFIG_HEADER, VERSION_HEADER].map((at) => `/${FLAVOUR_HEADERS}/${at}`));
  const changed = new Set([
    ...flavour.changed.filter((at) => !NOT_READ.test(at)).map((at) => `/${FLAVOUR_HEADERS}/${at}`),
    ...common.changed.filter((at) => !NOT_READ.test(at)).map((at) => `/${COMMON_HEADERS}/${at}`),
    ...asking.map(inSandbox),
  ]);
  return {
    changed: [...changed].filter((at) => !special.has(at)).toSorted(),
    added: [
      ...new Set(
        [...flavour.added, ...common.added].filter((name) => /\.(?:h|S|c|lds|inc)$/.test(name)),
      ),
    ].toSorted(),
    options: withModules(options),
    version: isOther ? versions : undefined,
  };
}
