import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { moduleNameOf } from '../../src/modules/find.ts';

const FILE = path.join(import.meta.dirname, '../../src/modules/build-packages.yaml');

/** What builds of known modules need beside their packages' own dependencies, by the name of the package. */
export async function readMorePackages(): Promise<(packageName: string) => readonly string[]> {
  const content: unknown = parse(await fs.readFile(FILE, 'utf8'));
  const known = new Map(Object.entries(z.record(z.string(), z.array(z.string())).parse(content)));
  return (packageName) => known.get(moduleNameOf(packageName)) ?? [];
}
