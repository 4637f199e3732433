import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { configJsonSchema } from '../src/config/schema.ts';
import { VERDICTS } from '../src/model/verdicts.ts';
import { lockstep } from './support/quickstart.ts';

const ROOT = path.join(import.meta.dirname, '..');

function read(file: string): Promise<string> {
  return fs.readFile(path.join(ROOT, file), 'utf8');
}

/** The dotted names of a JSON Schema's leaves. */
function keysOf(schema: unknown, prefix = ''): string[] {
  if (typeof schema !== 'object' || schema === null) {
    return [];
  }
  if (
    'properties' in schema &&
    typeof schema.properties === 'object' &&
    schema.properties !== null
  ) {
    return Object.entries(schema.properties).flatMap(([name, inner]: [string, unknown]) =>
      keysOf(inner, prefix === '' ? name : `${prefix}.${name}`),
    );
  }
  if ('items' in schema && typeof schema.items === 'object' && schema.items !== null) {
    return 'properties' in schema.items ? keysOf(schema.items, `${prefix}[]`) : [prefix];
  }
  return [prefix];
}

describe('the documentation', () => {
  test('lists every error code, and no other', async () => {
    const source = await read('src/core/errors.ts');
    const union = /export type ErrorCode =(?<codes>[^;]+);/.exec(source)?.groups?.['codes'] ?? '';
    const codes = [...union.matchAll(/'(?<code>[A-Z_]+)'/g)].map((match) => match[1]);
    const documented = [...(await read('docs/errors.md')).matchAll(/^\| `(?<code>[A-Z_]+)` \|/gm)];
    expect(codes.length).toBeGreaterThan(10);
    expect(documented.map((match) => match[1])).toEqual(codes);
  });

  test('lists every key of the configuration', async () => {
    const documented = [
      ...(await read('docs/configuration.md')).matchAll(/^\| `(?<key>[^`]+)` \|[^|]*\|[^|]*\|$/gm),
    ].map((match) => match[1] ?? '');
    expect(documented.filter((key) => /^[a-zA-Z0-9.[\]]+$/.test(key)).toSorted()).toEqual(
      expect.arrayContaining(keysOf(configJsonSchema()).toSorted()),
    );
  });

  test('lists every command and verdict', async () => {
    const text = await read('docs/commands.md');
    const help = await lockstep(['--help']);
    expect(help.exitCode).toBe(0);
    const commands = [...help.stdout.matchAll(/^ {2,}(?<name>[a-z]+) {2,}\S/gm)].map(
      (match) => match[1],
    );
    expect(commands).toContain('run');
    for (const command of commands) {
      expect(text).toContain(`| \`lockstep ${command}`);
    }
    for (const verdict of VERDICTS) {
      expect(text).toContain(`\`${verdict}\``);
    }
  });

  test('has no dead link', async () => {
    const files = [
      'README.md',
      ...(await fs.readdir(path.join(ROOT, 'docs'), { recursive: true }))
        .filter((name) => name.endsWith('.md'))
        .map((name) => `docs/${name}`),
    ];
    for (const file of files) {
      for (const match of (await read(file)).matchAll(/\]\((?<target>[^)#:]+)\)/g)) {
        const target = path.join(ROOT, path.dirname(file), match[1] ?? '');
        await expect(fs.stat(target), `${file}: ${match[1]}`).resolves.toBeDefined();
      }
    }
  });
});
