import * as path from 'node:path';
import {
  buildModule,
  type BuildRequest,
  type BuildResult,
  mayNeedSequence,
} from '../builder/build.ts';
import { moduleHash } from '../builder/key.ts';
import type { Neighbour, ObjectsIdentity } from '../builder/object-store.ts';
import type { Target } from '../model/plans.ts';
import { findAnswers } from './answers.ts';
import type { Context } from './context.ts';
import type { Prepared } from './prepare-target.ts';
import type { Survey } from './survey.ts';

export interface TargetBuild {
  result: BuildResult;
  /** Compilations that were taken from another kernel's build, and made; undefined where none are kept. */
  compiled: { taken: number; made: number } | undefined;
}

/** What the compilations of a target's build are kept under. */
function identityOf(survey: Survey, { module, kernel }: Target): ObjectsIdentity {
  const { release, architecture, flavour, headers } = kernel;
  return {
    module: module.name,
    source: moduleHash(module),
    root: survey.rootHashOf(module, kernel),
    ...{ release, architecture, flavour },
    headers: headers?.packages.map((ref) => ref.sha256) ?? [],
  };
}

/** Whether a target's build took from what turned out to be unreliable after it. */
export function isSuspect({ objects }: Context, survey: Survey, target: Target): boolean {
  return objects?.isSuspect(identityOf(survey, target)) === true;
}

/** Whether a build that took from its neighbour is made clean as well, to compare them: one in so many, by its key. */
function isSample({ key = '0' }: Target, every: number): boolean {
  return every > 0 && Number.parseInt(key.slice(0, 8), 16) % every === 0;
}

function isEqual(a: BuildResult, b: BuildResult): boolean {
  if (a.outcome !== 'built' || b.outcome !== 'built') {
    return a.outcome === b.outcome;
  }
  return (
    a.files.length === b.files.length &&
    a.files.every(({ name, content }, at) => {
      const other = b.files[at];
      return other?.name === name && other.content.equals(content);
    })
  );
}

/** The nearest kernel's compilations; none when they can't be looked for, which costs only time. */
async function findNeighbour(
  { objects, emit }: Context,
  identity: ObjectsIdentity,
  scratch: string,
): Promise<Neighbour | undefined> {
  try {
    return await objects?.find(identity, scratch);
  } catch (error) {
    const message = `compilations of ${identity.module} can't be looked for: ${String(error)}`;
    emit({ type: 'warning', code: 'OBJECTS_LOST', message });
    return undefined;
  }
}

/** Builds once more, as DKMS builds it, what may have failed because of several compilers at once. */
async function inSequence(
  result: BuildResult,
  request: BuildRequest,
  folder: string,
): Promise<BuildResult> {
  return mayNeedSequence(request, result)
    ? await buildModule({ ...request, folder: path.join(folder, 'sequential'), isSequential: true })
    : result;
}

/**
 * Builds a target, taking from the nearest kernel's build of the same source what no difference of the kernels can have
 * changed, and keeps its compilations for the next kernel. A build that fails with what it took is made clean.
 *
 * @throws LockstepError as `buildModule`
 */
export async function buildTarget(
  context: Context,
  survey: Survey,
  target: Target,
  { folder, kernelLayers }: Pick<Prepared, 'folder' | 'kernelLayers'>,
  request: BuildRequest,
): Promise<TargetBuild> {
  const { objects } = context;
  if (objects === undefined) {
    const result = await inSequence(await buildModule(request), request, folder);
    return { result, compiled: undefined };
  }
  const identity = identityOf(survey, target);
  const neighbour = await findNeighbour(context, identity, folder);
  const answers = await findAnswers(context, survey, target, kernelLayers, request);
  const result = await buildModule({
    ...request,
    keepsObjects: true,
    layers: [...(neighbour?.layers ?? []), ...answers, ...request.layers],
  });
  const left = path.join(request.folder, 'out/objects');
  const keep = async (): Promise<TargetBuild> => {
    if (result.outcome !== 'built') {
      return { result, compiled: undefined };
    }
    try {
      return { result, compiled: await objects.keep(identity, left, neighbour) };
    } catch (error) {
      // The build is good without: the next kernel's starts from nothing.
      const message = `what was compiled for ${target.module.name} can't be kept: ${String(error)}`;
      context.emit({ type: 'warning', code: 'OBJECTS_LOST', message });
      return { result, compiled: undefined };
    }
  };
  if (neighbour === undefined) {
    return result.outcome === 'built'
      ? await keep()
      : { result: await inSequence(result, request, folder), compiled: undefined };
  }
  if (
    result.outcome === 'built'
      ? !isSample(target, context.config.cache.checkEvery)
      : result.isOut === true
  ) {
    return await keep();
  }
  const again = { ...request, folder: path.join(folder, 'clean') };
  const clean = await inSequence(await buildModule(again), request, folder);
  if (isEqual(result, clean)) {
    return await keep();
  }
  await objects.forget(identity);
  const { module, kernel } = target;
  context.emit({
    type: 'warning',
    code: 'OBJECTS_DIFFER',
    message: `${module.name} for ${kernel.release}: built with what ${neighbour.release} left it differs from a clean build, which counts; what was kept of it is forgotten`,
  });
  return { result: clean, compiled: undefined };
}
