import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

const root = dirname(import.meta.dirname);

const base = ['core', 'debian', 'model', 'programs'];
const parts = [
  'archive',
  'kernels',
  'modules',
  'engine',
  'builder',
  'verifier',
  'packager',
  'publisher',
  'ledger',
  'report',
  'notify',
  'site',
  'config',
];
/** Folder of src → the folders whose values it may import. */
const flow: Record<string, readonly string[]> = {
  core: ['core'],
  debian: ['core', 'debian'],
  model: ['model'],
  programs: base,
  planner: ['core', 'debian', 'model', 'planner'],
  ...Object.fromEntries(parts.map((part) => [part, [...base, part]])),
  run: [...base, ...parts, 'planner', 'run'],
  cli: ['cli', 'config', 'core', 'model', 'report', 'run'],
};
const folders = Object.keys(flow);

const report = z.object({
  diagnostics: z.array(z.object({ code: z.string(), filename: z.string() })),
});

let tree: string;

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'lockstep-architecture-'));
  for (const file of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) {
    copyFileSync(join(root, file), join(tree, file));
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
});

afterAll(() => {
  rmSync(tree, { recursive: true, force: true });
});

/** Lints the given files, and nothing else, under the project's own rules: `file: rule` for each complaint. */
async function lint(files: Record<string, string>): Promise<string[]> {
  rmSync(join(tree, 'src'), { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), text);
  }
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  const stdout = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [oxlint, '--type-aware', '--format', 'json', ...Object.keys(files)],
      { cwd: tree, maxBuffer: 64 * 1024 * 1024 },
      (_error, output) => resolve(output),
    );
  });
  return report
    .parse(JSON.parse(stdout))
    .diagnostics.map(({ code, filename }) => `${filename}: ${code}`)
    .toSorted();
}

const restricted = 'eslint(no-restricted-imports)';
const importing = (specifier: string) => `export { value } from '${specifier}';\n`;

describe('data moves one way', () => {
  test('every folder of src has its place in the flow', () => {
    const present = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(folders).toEqual(expect.arrayContaining(present));
  });

  test('a folder imports from the folders that it may know, and from no other', async () => {
    const files: Record<string, string> = {};
    const expected: string[] = [];
    for (const from of folders) {
      for (const to of folders) {
        const file = `src/${from}/to-${to}.ts`;
        files[file] = importing(`../${to}/some-thing.ts`);
        const deep = `src/${from}/inner/to-${to}.ts`;
        files[deep] = importing(`../../${to}/inner/some-thing.ts`);
        if (flow[from]?.includes(to) !== true) {
          expected.push(`${deep}: ${restricted}`, `${file}: ${restricted}`);
        }
      }
    }
    expect(expected.length).toBeGreaterThan(300);
    expect(await lint(files)).toEqual(expected.toSorted());
  });

  test.each([
    ['a value', `import { value } from '../kernels/list.ts';\n\nvoid (value satisfies unknown);\n`],
    ['a re-export', `export { value } from '../kernels/list.ts';\n`],
    ['a re-export of everything', `export * from '../kernels/list.ts';\n`],
    ['a type', `import type { Value } from '../kernels/list.ts';\n\nexport type Taken = Value;\n`],
    ['a dynamic import', `export const here = 1;\nawait import('../kernels/list.ts');\n`],
    ['a detour', `export { value } from './../kernels/list.ts';\n`],
    ['a detour by name', `export { value } from '../../src/kernels/list.ts';\n`],
  ])('%s is an import too', async (_name, text) => {
    expect(await lint({ 'src/archive/bad.ts': text })).toEqual([
      `src/archive/bad.ts: ${restricted}`,
    ]);
  });

  test('the model takes types from core', async () => {
    const type = `import type { Value } from '../core/value.ts';\n\nexport type Taken = Value;\n`;
    expect(await lint({ 'src/model/good.ts': type })).toEqual([]);
  });

  test.each(['node:fs', 'node:crypto', 'fs/promises', 'execa', '../core/files.ts'])(
    'the planner is pure: no %s',
    async (specifier) => {
      expect(await lint({ 'src/planner/bad.ts': importing(specifier) })).toEqual([
        `src/planner/bad.ts: ${restricted}`,
      ]);
    },
  );

  test('the planner is pure: no process, no timers', async () => {
    const text = `export const home = process.env['HOME'];\nsetTimeout(() => home, 1);\n`;
    const rule = 'eslint(no-restricted-globals)';
    expect(await lint({ 'src/planner/bad.ts': text })).toEqual([
      `src/planner/bad.ts: ${rule}`,
      `src/planner/bad.ts: ${rule}`,
    ]);
  });

  test('a test of the planner may read files, and still takes no other part', async () => {
    expect(
      await lint({
        'src/planner/good.test.ts': importing('node:fs'),
        'src/planner/bad.test.ts': importing('../archive/fetch.ts'),
      }),
    ).toEqual([`src/planner/bad.test.ts: ${restricted}`]);
  });
});

describe('house rules', () => {
  test.each([
    ['typescript(no-explicit-any)', `export const list: any[] = [];\n`],
    [
      'typescript(no-floating-promises)',
      `export function start(): void {\n  Promise.resolve(1);\n}\n`,
    ],
    [
      'typescript(no-misused-promises)',
      `export function start(done: Promise<boolean>): number {\n  if (done) {\n    return 1;\n  }\n  return 2;\n}\n`,
    ],
    [
      'typescript(no-unsafe-type-assertion)',
      `export function read(value: unknown): string {\n  return value as string;\n}\n`,
    ],
    [
      'typescript(no-non-null-assertion)',
      `export function first(list: string[]): string {\n  return list[0]!;\n}\n`,
    ],
    [
      'typescript(no-unsafe-member-access)',
      `export function first(text: string): void {\n  void (JSON.parse(text).first satisfies unknown);\n}\n`,
    ],
    [
      'typescript(switch-exhaustiveness-check)',
      `export function act(verdict: 'built' | 'failed'): void {\n  switch (verdict) {\n    case 'built':\n      break;\n  }\n}\n`,
    ],
    ['eslint(eqeqeq)', `export const same = (left: number, right: number) => left == right;\n`],
    [
      'eslint(curly)',
      `export function sign(value: number): number {\n  if (value < 0) return -1;\n  return 1;\n}\n`,
    ],
    ['eslint(no-console)', `export function tell(): void {\n  console.log('here');\n}\n`],
  ])('%s', async (rule, text) => {
    expect(await lint({ 'src/archive/bad.ts': text })).toEqual([`src/archive/bad.ts: ${rule}`]);
  });

  test('types are imported as types', async () => {
    expect(
      await lint({
        'src/archive/bad.ts': `import { Value } from './value.ts';\n\nexport const one: Value = 1;\n`,
        'src/archive/value.ts': `export type Value = number;\n`,
      }),
    ).toEqual(['src/archive/bad.ts: typescript(consistent-type-imports)']);
  });

  test('no cycles', async () => {
    const rule = 'import(no-cycle)';
    expect(
      await lint({
        'src/archive/one.ts': `import { two } from './two.ts';\n\nexport const one = () => two();\n`,
        'src/archive/two.ts': `import { one } from './one.ts';\n\nexport const two = (): number => one();\n`,
      }),
    ).toEqual([`src/archive/one.ts: ${rule}`, `src/archive/two.ts: ${rule}`]);
  });

  test('commands may print', async () => {
    expect(await lint({ 'src/cli/good.ts': `console.log('here');\n` })).toEqual([]);
  });
});
