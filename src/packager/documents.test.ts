import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStanza } from '../debian/control.ts';
import { changelog, changelogDate, description } from './documents.ts';

const OPTIONS = {
  source: 'demo-modules',
  version: '1.0-1+6.12.117+1',
  distribution: 'trixie',
  change: 'Build of demo-dkms for Linux.',
  maintainer: 'A B <a@example.org>',
  epoch: 1_700_000_000,
};

test('dates are those of date -R', () => {
  for (const epoch of [0, 951_782_400, 1_700_000_000, 4_102_444_799]) {
    const oracle = execFileSync('date', ['-u', '-R', '-d', `@${epoch}`], { encoding: 'utf8' });
    expect(changelogDate(epoch)).toBe(oracle.trim());
  }
});

describe('a changelog', () => {
  test('has the form of deb-changelog(5)', () => {
    const long = 'A long change that names many things, and therefore has to be folded at a word. '
      .repeat(3)
      .trim();
    const lines = gunzipSync(changelog({ ...OPTIONS, change: long }))
      .toString()
      .split('\n');
    expect(lines[0]).toBe('demo-modules (1.0-1+6.12.117+1) trixie; urgency=medium');
    expect(lines[1]).toBe('');
    expect(lines[2]).toMatch(/^ {2}\* \S/);
    expect(lines.slice(3, -3).every((line) => /^ {4}\S/.test(line))).toBe(true);
    expect(lines.every((line) => line.length <= 80)).toBe(true);
    expect(lines.slice(-3)).toEqual([
      '',
      ' -- A B <a@example.org>  Tue, 14 Nov 2023 22:13:20 +0000',
      '',
    ]);
    const words = lines.slice(2, -3).join(' ').replace('*', '').trim().split(/\s+/);
    expect(words.join(' ')).toBe(long);
  });

  test('is compressed without name and time, so that equal texts have equal bytes', () => {
    const content = changelog(OPTIONS);
    expect(content).toEqual(changelog(OPTIONS));
    // RFC 1952: no flags, no time.
    expect([...content.subarray(3, 8)]).toEqual([0, 0, 0, 0, 0]);
  });
});

test('a description is folded as Policy 5.6.13 says, and loses no word (any)', () => {
  const word = fc.stringMatching(/^[!-~]{1,100}$/);
  const paragraph = fc.array(word, { minLength: 1, maxLength: 30 }).map((words) => words.join(' '));
  fc.assert(
    fc.property(paragraph, fc.array(paragraph, { maxLength: 4 }), (summary, paragraphs) => {
      const text = description(summary, paragraphs);
      const [first, ...lines] = text.split('\n');
      expect(first).toBe(summary);
      expect(lines.filter((line) => !/^ (?:\.$|\S)/.test(line))).toEqual([]);
      const long = lines.filter((line) => line.length > 77 && line.trim().includes(' '));
      expect(long).toEqual([]);
      const found = lines.join('\n').split('\n .\n');
      expect(found.map((part) => part.trim().split(/\s+/).join(' ')).join('|')).toBe(
        paragraphs.join('|'),
      );
      expect(parseStanza(`Description: ${text}`).get('Description')).toBe(text);
    }),
  );
});
