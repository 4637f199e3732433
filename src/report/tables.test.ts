import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSummary } from './summary.ts';
import { explanation, indexTable, kernelTable, planTable, table, targetTable } from './tables.ts';
import { makeTarget } from './testing/targets.ts';

describe('a table', () => {
  test('has aligned columns, and its last is left as it is', () => {
    const text = table(
      ['A', 'LONG', 'LAST'],
      [
        ['value', 'x', 'free text here'],
        ['v', 'yy', ''],
      ],
    );
    expect(text).toBe('A      LONG  LAST\nvalue  x     free text here\nv      yy\n');
  });

  test('has a line for each row, whatever is in it (any)', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ' ', '\n', '\u001b', '\r', 'ä', '\t') });
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }));
    fc.assert(
      fc.property(rows, (list) => {
        const lines = table(['ONE', 'TWO'], list).split('\n');
        expect(lines).toHaveLength(list.length + 2);
        expect(lines.join('')).not.toMatch(/(?!\t)\p{Cc}/u);
        expect(lines.filter((line) => line !== line.trimEnd())).toEqual([]);
      }),
    );
  });

  test('of kernels says whose headers are gone', () => {
    const { kernel } = makeTarget('a', 'built');
    const seen = {
      ...kernel,
      headers: { packages: [], tools: [], missing: undefined, requires: [], suite: 'trixie' },
    };
    const unseen = { ...kernel, unseenSince: '2026-11-20T01:02:03.000Z' };
    const text = kernelTable([
      {
        suite: 'trixie',
        kernels: [
          { kernel, tracks: ['amd64'], ahead: undefined },
          { kernel: seen, tracks: [], ahead: undefined },
          { kernel: unseen, tracks: ['amd64'], ahead: undefined },
        ],
      },
    ]);
    const [, gone, there, stale] = text.split('\n').map((line) => line.split(/\s{2,}/));
    expect(gone).toEqual([
      ...['trixie', '6.12.117+deb13-amd64', 'amd64', 'amd64', '6.12.117-1', 'gone', 'amd64'],
      'trixie trixie-security',
    ]);
    expect(there?.[5]).toBe('yes');
    expect(stale?.at(-1)).toBe('trixie trixie-security (not seen since 2026-11-20)');
  });

  test('of a plan shows what is retired and what is missing', () => {
    const kept = {
      ...{ suite: 'trixie', id: 'demo-modules-6.1.0-1-amd64:amd64', module: 'demo' },
      ...{ moduleVersion: '1.0-1', release: '6.1.0-1-amd64', architecture: 'amd64' },
      ...{ reason: 'left Debian', since: '2026-01-01T00:00:00.000Z' },
    };
    const text = planTable({
      targets: [],
      kept: [
        { ...kept, verdict: 'retired' },
        { ...kept, release: '6.1.0-2-amd64', verdict: 'published' },
      ],
      absent: [
        { suite: 'sid', module: 'old', package: 'old-dkms', architecture: undefined },
        { suite: 'sid', module: 'one', package: 'one-dkms', architecture: 'armhf' },
      ],
    });
    expect(text).toContain('1 packages for other kernels stay published, 1 are retired');
    expect(text).toMatch(/^demo +trixie +1\.0-1 +6\.1\.0-1-amd64 +left Debian$/m);
    expect(text).not.toContain('6.1.0-2-amd64');
    expect(text).toMatch(/^old +sid +old-dkms$/m);
    expect(text).toMatch(/^one +sid armhf +one-dkms$/m);
  });

  test('of indices says since when, and why', () => {
    const index = { suite: 'trixie', component: 'main', architecture: 'armhf', message: 'is bad' };
    const text = indexTable([
      { ...index, lastGood: '2026-11-20T01:02:03.000Z' },
      { ...index, lastGood: null },
    ]);
    expect(text).toMatch(/^trixie\/main +armhf +2026-11-20 01:02 +is bad$/m);
    expect(text).toMatch(/^trixie\/main +armhf +never +is bad$/m);
    expect(indexTable([])).toBe('');
  });

  test('of targets names suites where there are several', () => {
    const one = makeTarget('demo', 'built');
    const text = targetTable([one, { ...one, suites: [], ahead: ['forky'] }]);
    expect(text).toMatch(/trixie +built/);
    expect(text).toMatch(/\(forky\) +built/);
  });

  test('of targets says why', () => {
    const text = targetTable([makeTarget('demo', 'failed', 'implicit declaration\n\u001b[1mof')]);
    expect(text.split('\n')[1]).toMatch(
      /^demo {4}1\.0-1 {4}6\.12\.117\+deb13-amd64 {2}failed {3}implicit declaration \?\[1mof$/,
    );
  });
});

test('an explanation says who must act, and where the log is', () => {
  const target = makeTarget('demo', 'failed', 'does not compile');
  const text = explanation(target, '/state/build.log');
  expect(text).toContain('demo 1.0-1 for 6.12.117+deb13-amd64 (amd64)');
  expect(text).toMatch(/verdict +failed, since 2026-01-01/);
  expect(text).toMatch(/action +the module's maintainer/);
  expect(text).toMatch(/log +\/state\/build\.log/);
  expect(explanation(target, undefined)).not.toContain('log');
});

describe('the end of a run', () => {
  const summary = {
    ...{ built: 1, changed: true, seconds: 3, url: 'http://localhost:8473/' },
    ...{
      examples: new Map([['trixie', 'good-modules-amd64']]),
      problems: ['', 'INDEX NOT READ\n'],
    },
    ...{ slug: 'example', directory: '/srv/repo', configFile: 'c.yaml' },
  };

  test('lists what is published, what is not and why, and what an administrator does', () => {
    const text = formatSummary({
      ...summary,
      targets: [makeTarget('good', 'published'), makeTarget('bad', 'failed', 'does not compile')],
    });
    expect(text).toContain('1 of 2 targets are published in /srv/repo');
    expect(text).toMatch(/^good +1\.0-1 +6\.12\.117\+deb13-amd64$/m);
    expect(text).toMatch(/^bad +6\.12\.117\+deb13-amd64 +failed +does not compile \(the module's/m);
    expect(text).toContain('http://localhost:8473/trixie.sources');
    expect(text).not.toContain('8473//');
    expect(text).toContain('apt install good-modules-amd64');
    expect(text).toContain('INDEX NOT READ');
  });

  test('invents no command when nothing is published', () => {
    const text = formatSummary({ ...summary, targets: [makeTarget('bad', 'broken')] });
    expect(text).toContain('0 of 1 targets');
    expect(text).not.toContain('apt install');
  });
});
