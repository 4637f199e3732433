import type { SiteBuild, SiteCell, SiteKernel, SiteModule } from './data.ts';
import { suiteLags } from './lag-figures.ts';
import { paths } from './paths.ts';
import { cellsOf, isCurrent, type ReleaseGroup, type SiteIndex } from './site-index.ts';
import { answerOf, tallyOf } from './tally.ts';

/** The version of every JSON file's shape: it rises when a key changes its meaning or goes; new keys may come. */
const FORMAT = 1;

function text(value: object): string {
  return `${JSON.stringify({ format: FORMAT, ...value })}\n`;
}

function buildView(build: SiteBuild, logs: ReadonlySet<string>): object {
  const hasLog = logs.has(build.key);
  return {
    ...build,
    ...(hasLog ? { log: paths.log(build.key), logText: paths.logText(build.key) } : {}),
  };
}

function cellView(cell: SiteCell, logs: ReadonlySet<string>): object {
  const { module, version, kernel, suites, ahead, verdict, reason, action, since } = cell;
  const { build, cause, from, passedOver } = cell;
  return {
    ...{ module, moduleVersion: version },
    ...{ release: kernel.release, architecture: kernel.architecture },
    kernelVersion: kernel.version,
    ...{ suites, verdict, reason, action, since, from, cause },
    ...(ahead.length === 0 ? {} : { ahead }),
    ...(build === undefined ? {} : { build: buildView(build, logs) }),
    ...(passedOver.length === 0
      ? {}
      : {
          passedOver: passedOver.map(({ build: other, ...rest }) =>
            other === undefined ? rest : Object.assign(rest, { build: buildView(other, logs) }),
          ),
        }),
    ...(kernel.unseenSince === undefined ? {} : { unseenSince: kernel.unseenSince }),
  };
}

function kernelView({ suites, ...kernel }: SiteKernel): object {
  return { ...kernel, suites: Object.fromEntries(suites) };
}

/** `status.json`: everything but the targets themselves, which are with their modules and kernels. */
export function statusJson({ data, byModule, releases, matrices }: SiteIndex): string {
  const { origin, url, at, suites, absent, problems } = data;
  return text({
    ...{ origin, url, at },
    suites: suites.map((suite) => ({
      suite,
      sources: `${suite}.sources`,
      architectures: matrices
        .filter((matrix) => matrix.suite === suite)
        .map((matrix) => ({
          architecture: matrix.architecture,
          page: paths.matrix(suite, matrix.architecture),
          kernels: matrix.lines.reduce((sum, { kernels }) => sum + kernels.length, 0),
          current: tallyOf(cellsOf(matrix, 'current')),
        })),
    })),
    modules: data.modules.map(({ name, versions }) => ({
      name,
      versions: versions.map(({ version }) => version),
      json: paths.moduleJson(name),
      page: paths.module(name),
      current: tallyOf((byModule.get(name) ?? []).filter(({ kernel }) => isCurrent(kernel))),
    })),
    kernels: releases.map((group) => ({
      ...{ release: group.release, architecture: group.architecture },
      json: paths.kernelJson(group),
      page: paths.kernel(group),
      tally: tallyOf(group.cells),
    })),
    lag: suiteLags(data),
    ...{ absent, problems },
  });
}

export function moduleJson({ data, byModule }: SiteIndex, module: SiteModule): string {
  const cells = byModule.get(module.name) ?? [];
  return text({ ...module, targets: cells.map((cell) => cellView(cell, data.logs)) });
}

export function kernelJson({ data }: SiteIndex, group: ReleaseGroup): string {
  const { release, architecture, kernels, cells } = group;
  return text({
    ...{ release, architecture },
    answer: answerOf(tallyOf(cells)).text,
    kernels: kernels.map((kernel) => kernelView(kernel)),
    targets: cells.map((cell) => cellView(cell, data.logs)),
  });
}
