import { expect, test } from 'vitest';
import { metricsText } from './metrics.ts';
import { indexSite } from './site-index.ts';
import { makeSiteData } from './testing/site-data.ts';

const DATA = makeSiteData({ modules: 3, kernels: 20 });

test('every line is one that Prometheus reads, whatever the names', () => {
  const hostile = 'a"b\\c\nd';
  const text = metricsText(
    indexSite({
      ...DATA,
      suites: [hostile, ...DATA.suites],
      lags: DATA.lags.map(({ suite: _suite, ...lag }) => Object.assign(lag, { suite: hostile })),
    }),
  );
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(
      /^(?:# (?:HELP|TYPE) lockstep_\w+ .+|lockstep_\w+(?:\{(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? \d+(?:\.\d+)?)$/,
    );
  }
  expect(text).toContain('suite="a\\"b\\\\c\\nd",from="seen",quantile="0.9"');
});

test('counts every target once in each of its suites', () => {
  const counts = [
    ...metricsText(indexSite(DATA)).matchAll(/^lockstep_targets\{.*\} (?<count>\d+)$/gm),
  ];
  const sum = counts.reduce((total, match) => total + Number(match.groups?.['count']), 0);
  const cells = DATA.cells.reduce(
    (total, { suites, ahead }) => total + new Set([...suites, ...ahead]).size,
    0,
  );
  expect(sum).toBe(cells);
});
