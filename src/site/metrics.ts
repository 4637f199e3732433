import type { Spread } from '../core/quantiles.ts';
import { suiteLags } from './lag-figures.ts';
import { type SiteIndex, suitesOf } from './site-index.ts';

/** A label's value (exposition format 0.0.4): backslash, quote and line feed are escaped. */
function label(value: string): string {
  return `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}

function series(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const list = Object.entries(labels).map(([key, text]) => `${key}=${label(text)}`);
  return `${name}{${list.join(',')}} ${value}\n`;
}

function header(name: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;
}

/** The quantiles of a lag, each a figure that was measured. */
function quantiles(suite: string, from: string, { p50, p90, max }: Spread): string[] {
  return Object.entries({ '0.5': p50, '0.9': p90, '1': max }).map(([quantile, seconds]) =>
    series('lockstep_lag_seconds', { suite, from, quantile }, seconds),
  );
}

/** What monitoring asks for, in the text format of Prometheus. */
export function metricsText(index: SiteIndex): string {
  const { data } = index;
  const counts = new Map<string, { labels: Record<string, string>; count: number }>();
  for (const cell of data.cells) {
    for (const suite of suitesOf(cell)) {
      const { architecture } = cell.kernel;
      const id = [suite, architecture, cell.verdict].join('\0');
      const entry = counts.get(id) ?? {
        labels: { suite, architecture, verdict: cell.verdict },
        count: 0,
      };
      entry.count += 1;
      counts.set(id, entry);
    }
  }
  const lags = suiteLags(data);
  return [
    header('lockstep_look_timestamp_seconds', 'When the archives were looked at last.'),
    `lockstep_look_timestamp_seconds ${Math.floor(Date.parse(data.at) / 1000)}\n`,
    header('lockstep_targets', 'Modules times kernels, by what is true of them.'),
    ...[...counts.values()].map(({ labels, count }) => series('lockstep_targets', labels, count)),
    header('lockstep_problems', 'Indices and sources that can not be read now.'),
    `lockstep_problems ${data.problems.length}\n`,
    header(
      'lockstep_lag_seconds',
      'Seconds from when a target was first seen, or from the Release file that brought it, to its publication.',
    ),
    ...lags.flatMap(({ suite, seen, released }) => [
      ...(seen === undefined ? [] : quantiles(suite, 'seen', seen)),
      ...(released === undefined ? [] : quantiles(suite, 'released', released)),
    ]),
    header('lockstep_lag_count', 'Targets that were followed.'),
    ...lags.map(({ suite, seen }) => series('lockstep_lag_count', { suite }, seen?.count ?? 0)),
  ].join('');
}
