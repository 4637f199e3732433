import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseConfig } from './load.ts';
import { configJsonSchema } from './schema.ts';

const examples = path.join(import.meta.dirname, '../../examples');
const names = readdirSync(examples).filter((name) => name.endsWith('.yaml'));

/** The schema that an editor would make of the JSON Schema. */
function editorSchema() {
  return z.fromJSONSchema(z.record(z.string(), z.json()).parse(configJsonSchema()));
}

describe('the examples', () => {
  test('are there', () => {
    expect(names).toContain('quickstart.yaml');
  });

  test.each(names)('%s is a configuration, and fits the JSON Schema', (name) => {
    const text = readFileSync(path.join(examples, name), 'utf8');
    expect(parseConfig(text, path.join(examples, name)).modules.length).toBeGreaterThan(0);
    expect(editorSchema().safeParse(parse(text)).error).toBeUndefined();
  });
});

describe('the JSON Schema', () => {
  const plain: unknown = parse(readFileSync(path.join(examples, 'quickstart.yaml'), 'utf8'));
  const good = z.record(z.string(), z.unknown()).parse(plain);

  test.each<[string, unknown]>([
    ['an unknown key', { ...good, extra: 1 }],
    ['a missing key', { repository: good['repository'] }],
    ['a wrong type', { ...good, jobs: 'many' }],
    ['an unknown key deep down', { ...good, modules: [{ package: 'a-dkms', version: 1 }] }],
    ['a name that is none', { ...good, modules: [{ package: 'A dkms' }] }],
  ])('refuses %s, as the program does', (_name, value) => {
    expect(editorSchema().safeParse(good).success).toBe(true);
    expect(editorSchema().safeParse(value).success).toBe(false);
    expect(() => parseConfig(JSON.stringify(value), 'c.yaml')).toThrow('c.yaml:1:');
  });

  test('describes every key, for editors', () => {
    const shape = z.object({ properties: z.record(z.string(), z.unknown()) });
    const keys = Object.keys(shape.parse(configJsonSchema()).properties);
    expect(keys.toSorted()).toEqual([
      ...[
        'archives',
        'cache',
        'jobs',
        'kernels',
        'limits',
        'modules',
        'notify',
        'repository',
        'retention',
        'state',
      ],
      'toolchain',
    ]);
  });
});
