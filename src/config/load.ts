import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { errnoOf, LockstepError } from '../core/errors.ts';
import type { ModuleConfig } from './modules.ts';
import { type Config, configSchema } from './schema.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/** Where in the text a path of keys and indices stands; the nearest node there is when it is missing. */
function offsetOf(document: Document, keys: readonly PropertyKey[]): number {
  for (let length = keys.length; length >= 0; length -= 1) {
    const node = document.getIn(keys.slice(0, length), true);
    if (isNode(node) && node.range) {
      return node.range[0];
    }
  }
  return 0;
}

/** Where an unknown key itself stands. */
function offsetOfKey(document: Document, parent: readonly PropertyKey[], key: string): number {
  const map = parent.length === 0 ? document.contents : document.getIn(parent, true);
  if (isMap(map)) {
    for (const pair of map.items) {
      if (isScalar(pair.key) && pair.key.value === key && pair.key.range) {
        return pair.key.range[0];
      }
    }
  }
  return offsetOf(document, parent);
}

function dotted(keys: readonly PropertyKey[]): string {
  return keys
    .map((key, index) =>
      typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`,
    )
    .join('');
}

interface Located {
  offset: number;
  message: string;
}

function locate(document: Document, issue: z.core.$ZodIssue): Located[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      offset: offsetOfKey(document, issue.path, key),
      message: `unknown key ${dotted([...issue.path, key])}`,
    }));
  }
  const missing = issue.path.length > 0 && document.getIn(issue.path) === undefined;
  const where = dotted(issue.path);
  const what = missing
    ? `${where} is missing`
    : `${where === '' ? 'the file' : where}: ${issue.message}`;
  return [{ offset: offsetOf(document, issue.path), message: what }];
}

/**
 * Reads the text of a configuration file. Relative paths in it are relative to its folder.
 *
 * @param text YAML
 * @param file the file's path, for messages and relative paths
 * @throws LockstepError CONFIG_INVALID with `file:line:column: message` a line for everything that is wrong
 */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    strict: true,
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: 'error',
  });
  const problems: Located[] = document.errors.map((error) => ({
    offset: error.pos[0],
    message: error.message.split('\n')[0] ?? 'is not YAML',
  }));
  const absolute = path.resolve(file);
  const plain: Plain = problems.length === 0 ? toPlain(document) : {};
  if (plain.problem !== undefined) {
    problems.push(plain.problem);
  } else if (problems.length === 0) {
    const parsed = configSchema.safeParse(plain.value);
    if (parsed.success) {
      const base = path.dirname(absolute);
      return {
        ...parsed.data,
        file: absolute,
        state: path.resolve(base, parsed.data.state),
        repository: {
          ...parsed.data.repository,
          directory: path.resolve(base, parsed.data.repository.directory),
          signing: {
            ...parsed.data.repository.signing,
            ...(parsed.data.repository.signing.home === undefined
              ? {}
              : { home: path.resolve(base, parsed.data.repository.signing.home) }),
          },
          destinations: parsed.data.repository.destinations.map(({ rsync, sshConfig }) => ({
            rsync,
            sshConfig: sshConfig === undefined ? undefined : path.resolve(base, sshConfig),
          })),
        },
        archives: parsed.data.archives.map((archive) => ({
          ...archive,
          ...(archive.keyring === undefined
            ? {}
            : { keyring: path.resolve(base, archive.keyring) }),
        })),
        modules: parsed.data.modules.map((module) => withAbsolutePaths(module, base)),
      };
    }
    problems.push(...parsed.error.issues.flatMap((issue) => locate(document, issue)));
  }
  const text_ = problems
    .map(({ offset, message }) => {
      const { line, col } = lines.linePos(offset);
      // A key of the file's own may have lines; a problem has one.
      const words = message.replace(/\s*\n\s*/g, ' ');
      return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}: ${words}`;
    })
    .join('\n');
  throw new LockstepError('CONFIG_INVALID', text_, {
    hint: 'lockstep schema prints what is allowed; docs/configuration.md explains it',
    exitCode: 2,
  });
}

/** A module's paths as seen from the file's folder; addresses stay. */
function withAbsolutePaths(module: ModuleConfig, base: string): ModuleConfig {
  const absolute = { ...module };
  if (module.directory !== undefined) {
    absolute.directory = path.resolve(base, module.directory);
  }
  if (module.tarball !== undefined && !/^https?:/.test(module.tarball)) {
    absolute.tarball = module.tarball.startsWith('file:')
      ? fileURLToPath(module.tarball)
      : path.resolve(base, module.tarball);
  }
  if (module.patches !== undefined) {
    absolute.patches = module.patches.map((patch) => ({
      ...patch,
      file: path.resolve(base, patch.file),
    }));
  }
  return absolute;
}

interface Plain {
  value?: unknown;
  problem?: Located;
}

/** The document as plain data, or why its aliases can't be followed; an alias bomb ends here, not in memory. */
function toPlain(document: Document): Plain {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) ?? {} };
  } catch (error) {
    let offset = 0;
    visit(document, {
      Alias(_key, alias) {
        offset = alias.range?.[0] ?? 0;
        return alias.resolve(document) === undefined ? visit.BREAK : undefined;
      },
    });
    const message = error instanceof Error ? error.message : String(error);
    return { problem: { offset, message } };
  }
}

/**
 * Reads a configuration file.
 *
 * @throws LockstepError CONFIG_MISSING, CONFIG_INVALID
 */
export async function loadConfig(file: string): Promise<Config> {
  let text: string;
  try {
    const { size } = await fs.stat(file);
    if (size > MAX_BYTES) {
      throw new LockstepError(
        'CONFIG_INVALID',
        `${file} is larger than 4 MiB: not a configuration`,
        {
          exitCode: 2,
        },
      );
    }
    text = await fs.readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof LockstepError) {
      throw error;
    }
    const errno = errnoOf(error) ?? 'unreadable';
    throw new LockstepError('CONFIG_MISSING', `${file} can't be read (${errno})`, {
      hint: 'name one with -c FILE, or begin with a copy of examples/quickstart.yaml',
      exitCode: 2,
      cause: error,
    });
  }
  return parseConfig(text, file);
}
