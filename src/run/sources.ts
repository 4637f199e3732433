import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import PQueue from 'p-queue';
import { z } from 'zod';
import { isPackage, type ModuleConfig, nameOf, requestOf } from '../config/modules.ts';
import { endsAll, type ErrorCode, LockstepError } from '../core/errors.ts';
import { explainDiskError, readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import { canonicalJson, sha256 } from '../core/hash.ts';
import type { Module, ModulePatch } from '../model/modules.ts';
import { buildPackagesOf } from '../modules/build-packages.ts';
import { readPatches } from '../modules/patches.ts';
import { isKept, type ResolvedSource, resolveSource } from '../modules/sources/resolve.ts';
import type { Context } from './context.ts';
import { withheldOf } from './withheld.ts';

/** A module whose source or patches can't be got now. */
export interface SourceProblem {
  module: string;
  code: ErrorCode;
  message: string;
  hint: string | null;
  /** The version that is used instead, as it was got last; null when there is none. */
  version: string | null;
}

/** What the configuration's modules are made from, beside what the archives have. */
export interface ConfiguredSources {
  /** By module name; a module whose source can't be got has none. */
  modules: ReadonlyMap<string, Module>;
  /** By module name; of those that can be read. */
  patches: ReadonlyMap<string, ModulePatch[]>;
  problems: SourceProblem[];
}

const identity = { sha256: z.string(), architecture: z.string(), size: z.number() };

const resolvedSchema = z.object({
  version: z.string(),
  tree: z.string(),
  source: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('directory'), ...identity, path: z.string() }),
    z.object({
      kind: z.literal('tarball'),
      ...{ ...identity, uri: z.string(), fileSha256: z.string() },
    }),
    z.object({
      kind: z.literal('git'),
      ...{ ...identity, url: z.string(), commit: z.string() },
      tag: z
        .string()
        .optional()
        .transform((tag) => tag),
    }),
  ]),
});

/** Sources that are got at once. */
const OBTAINED_AT_ONCE = 2;

/** A cache's text as data; undefined when it is damaged. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the last survey made of a request, if that is still there. */
async function recall(file: string, cache: string): Promise<ResolvedSource | undefined> {
  const text = (await readFileOrUndefined(file))?.toString('utf8');
  if (text === undefined) {
    return undefined;
  }
  const parsed = resolvedSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    return undefined;
  }
  const { source } = parsed.data;
  const known = {
    ...parsed.data,
    source: source.kind === 'git' ? { ...source, tag: source.tag } : source,
  };
  return (await isKept(cache, known)) ? known : undefined;
}

/** Whether an error concerns one module only. */
function isOneModules(error: unknown): error is LockstepError {
  return error instanceof LockstepError && !endsAll(error);
}

function problemOf(
  module: string,
  { code, message, hint }: LockstepError,
  known: ResolvedSource | undefined,
): SourceProblem {
  return {
    ...{ module, code, message: message.replace(/\s*\n\s*/g, ' ') },
    ...{ hint: hint ?? null, version: known?.version ?? null },
  };
}

async function resolveOne(
  context: Context,
  entry: ModuleConfig,
  refresh: boolean,
): Promise<{ resolved: ResolvedSource | undefined; problem: SourceProblem | undefined }> {
  const { config, signal, emit } = context;
  const cache = path.join(config.state, 'cache');
  const request = requestOf(entry);
  const file = path.join(cache, 'sources', `${sha256(canonicalJson(request))}.json`);
  const known = await recall(file, cache);
  if (!refresh) {
    const unread = new LockstepError('SOURCE_UNAVAILABLE', 'the source has not been read yet', {
      hint: `lockstep plan -c ${config.file}`,
    });
    const problem = known === undefined ? problemOf(request.name, unread, known) : undefined;
    return { resolved: known, problem };
  }
  try {
    const leaveOut = await realPaths([config.state, config.repository.directory]);
    const resolved = await resolveSource(request, { cache, known, leaveOut, signal });
    const { source } = resolved;
    if (
      known?.source.kind === 'git' &&
      source.kind === 'git' &&
      known.source.commit !== source.commit
    ) {
      emit({
        type: 'warning',
        code: 'TAG_MOVED',
        message: `${request.name}: the tag ${source.tag ?? ''} of ${source.url} was ${known.source.commit} and is ${source.commit} now`,
      });
    }
    await writeFileAtomic(file, JSON.stringify(resolved), { onlyIfChanged: true });
    return { resolved, problem: undefined };
  } catch (error) {
    const explained = explainDiskError(error, cache);
    if (signal.aborted || !isOneModules(explained)) {
      throw explained;
    }
    return { resolved: known, problem: problemOf(request.name, explained, known) };
  }
}

async function realPaths(folders: readonly string[]): Promise<string[]> {
  const real = folders.map((folder) => fs.realpath(folder).catch(() => folder));
  return Promise.all(real);
}

function moduleOf(
  context: Context,
  entry: ModuleConfig,
  { version, source }: ResolvedSource,
  patches: ModulePatch[],
): Module {
  const name = nameOf(entry);
  const component = entry.component ?? 'main';
  return {
    ...{ name, version, source, component, patches },
    from: source.kind,
    provides: [],
    summary: `kernel module ${name}`,
    homepage: source.kind === 'git' && source.url.startsWith('http') ? source.url : undefined,
    initramfs: entry.initramfs ?? false,
    buildPackages: buildPackagesOf({ name, configured: entry.buildPackages }),
    withheld: withheldOf(context.config, entry, component),
  };
}

/**
 * Gets the sources that are no packages, and every module's patches. What can't be got concerns its module alone: the
 * source as it was got last stays in use.
 *
 * @param options `refresh`: false takes all sources as they were got last
 * @throws LockstepError INTERRUPTED, DISK_FULL
 */
export async function readSources(
  context: Context,
  options: { refresh: boolean },
): Promise<ConfiguredSources> {
  const modules = new Map<string, Module>();
  const patches = new Map<string, ModulePatch[]>();
  const problems: SourceProblem[] = [];
  const queue = new PQueue({ concurrency: OBTAINED_AT_ONCE });
  // Modules of one repository share its copy: one after the other.
  const groups = Map.groupBy(context.config.modules, (entry) => entry.git ?? nameOf(entry));
  const work = [...groups.values()].map((entries) =>
    queue.add(async () => {
      for (const entry of entries) {
        const name = nameOf(entry);
        try {
          patches.set(name, await readPatches(entry.patches ?? []));
        } catch (error) {
          if (!isOneModules(error)) {
            throw error;
          }
          problems.push(problemOf(name, error, undefined));
          continue;
        }
        if (!isPackage(entry)) {
          const { resolved, problem } = await resolveOne(context, entry, options.refresh);
          problems.push(...(problem === undefined ? [] : [problem]));
          if (resolved !== undefined) {
            modules.set(name, moduleOf(context, entry, resolved, patches.get(name) ?? []));
          }
        }
      }
    }),
  );
  const ends = await Promise.allSettled(work);
  for (const end of ends) {
    if (end.status === 'rejected') {
      throw end.reason;
    }
  }
  for (const { module, code, message } of problems) {
    context.emit({ type: 'warning', code, message: `${module}: ${message}` });
  }
  return { modules, patches, problems };
}
