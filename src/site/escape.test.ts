import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VERDICT_MEANINGS } from '../model/verdicts.ts';
import type { SiteFile } from './layout.ts';
import { logPage } from './log-page.ts';
import { renderSite } from './site.ts';
import { HOSTILE, siteOf, skeleton } from './testing/hostile.ts';
import { makeSiteData } from './testing/site-data.ts';

const ALLOWED = new Set(
  [
    ...[
      '!doctype',
      'html',
      'head',
      'meta',
      'title',
      'link',
      'script',
      'body',
      'a',
      'header',
      'div',
    ],
    ...[
      'svg',
      'path',
      'span',
      'nav',
      'ul',
      'li',
      'main',
      'h1',
      'h2',
      'h3',
      'p',
      'footer',
      'ol',
      'br',
    ],
    ...[
      'table',
      'caption',
      'thead',
      'tbody',
      'tr',
      'th',
      'td',
      'small',
      'strong',
      'code',
      'pre',
      'dl',
    ],
    ...['dt', 'dd', 'form', 'label', 'input', 'button', 'noscript', 'time', 'section', 'details'],
    ...['summary', 'img', 'figure', 'figcaption', 'g', 'line', 'text', 'circle', 'rect', 'mark'],
    ...[
      'clipPath',
      'feed',
      'id',
      'updated',
      'author',
      'name',
      'generator',
      'entry',
      'category',
      'content',
    ],
    '?xml',
  ].flatMap((name) => [name, `/${name}`]),
);

const ATTRIBUTES = new Set([
  ...['charset', 'http-equiv', 'content', 'name', 'lang', 'rel', 'href', 'type', 'title', 'src'],
  ...[
    'defer',
    'class',
    'viewbox',
    'viewBox',
    'aria-hidden',
    'aria-label',
    'aria-current',
    'aria-live',
    'd',
  ],
  ...[
    'id',
    'tabindex',
    'role',
    'scope',
    'colspan',
    'hidden',
    'for',
    'autocomplete',
    'autocapitalize',
  ],
  ...[
    'spellcheck',
    'placeholder',
    'datetime',
    'height',
    'width',
    'alt',
    'x',
    'y',
    'cx',
    'cy',
    'r',
    'rx',
  ],
  ...[
    'text-anchor',
    'data-ready',
    'data-top',
    'data-index',
    'data-n',
    'xmlns',
    'clip-path',
    'fill',
  ],
  ...['font-family', 'font-size', 'version', 'encoding', 'term', 'html'],
]);

/** Whether a page has no character that changes how what stands beside it is read, or that XML forbids. */
function isSeen(content: string): boolean {
  const codes = [
    ...Array.from({ length: 0x20 }, (_, code) => code).filter((code) => code !== 9 && code !== 10),
    ...Array.from({ length: 0x21 }, (_, code) => 0x7f + code),
    ...[
      0xad, 0x61c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e,
    ],
    ...[0x2066, 0x2067, 0x2068, 0x2069, 0xfeff, 0xfffe, 0xffff],
  ];
  return (
    content.isWellFormed() && codes.every((code) => !content.includes(String.fromCharCode(code)))
  );
}

/** The tags, attributes and addresses of a page that none of the site's own templates has, and what can't be seen. */
function complaintsOf({ path, content }: SiteFile): string[] {
  // Plain text has rules of its own, and tests.
  if (path.endsWith('.txt')) {
    return [];
  }
  if (path.endsWith('.json')) {
    JSON.parse(content);
    return [];
  }
  const plain = content.replaceAll(
    / (?:viewBox|preserveAspectRatio|textLength|x1|x2|y1|y2)="[^"<>]*"/g,
    '',
  );
  const tags = skeleton(plain).flatMap((tag) => {
    const [name = '', ...attributes] = tag.split(' ');
    const others = attributes.filter((one) => !ATTRIBUTES.has(one));
    return ALLOWED.has(name) && others.length === 0 ? [] : [`${path}: ${tag}`];
  });
  const addresses = [...content.matchAll(/ (?:href|src)="(?<address>[^"]*)"/g)]
    .map((match) => match.groups?.['address'] ?? '')
    .filter((address) => !/^(?:https?:\/\/|(?:\.\.\/)*[A-Za-z0-9=+_~#-][^:]*$|#)/.test(address));
  return [...tags, ...addresses, ...(isSeen(content) ? [] : [`${path}: unseen`])];
}

describe('hostile texts', () => {
  const files = [...renderSite(siteOf(HOSTILE))];

  test('make no tag, no attribute, no address', () => {
    expect(files.length).toBeGreaterThan(30);
    for (const file of files) {
      expect(complaintsOf(file)).toEqual([]);
    }
  });

  test('lie under paths that stay in the folder, each once', () => {
    const paths = files.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    for (const path of paths) {
      expect(path).toMatch(
        /^(?:index\.html|status\/[A-Za-z0-9=+_~-][A-Za-z0-9=.+_~-]*(?:\/[A-Za-z0-9=+_~-][A-Za-z0-9=.+_~-]*)*)$/,
      );
    }
  });

  test('are in no command that is pasted as root', () => {
    for (const { content } of files) {
      for (const match of content.matchAll(/apt install (?<names>[^<]*)/g)) {
        expect(match.groups?.['names']).toMatch(/^[a-z0-9+. -]+$/);
      }
    }
  });
});

test('no input breaks out of the markup (any)', () => {
  const piece = fc.oneof(
    fc.constantFrom(...HOSTILE),
    fc.string({
      unit: fc.constantFrom(...'<>"\'&/=!-[] \n\t\r\\`{}$;:abé\u202e\u0000\u001b\ud83d'.split('')),
    }),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (texts) => {
      for (const file of renderSite(siteOf(texts))) {
        expect(complaintsOf(file)).toEqual([]);
      }
    }),
    { numRuns: 40 },
  );
});

test('no log breaks out of its page (any)', () => {
  const line = fc.oneof(
    fc.constantFrom(...HOSTILE, 'main.c:1:1: error: <b>', '\u001b[31m\u001b[1m', '\u001b[0m', '\r'),
    fc.string({ unit: 'binary' }),
  );
  const data = makeSiteData({ modules: 1, kernels: 1 });
  const subject = {
    ...{ module: 'demo', version: '1', release: '6.12-amd64', architecture: 'amd64' },
    ...{ kernelVersion: '6.12-1', reason: VERDICT_MEANINGS.failed.action },
    build: { key: 'ab'.repeat(32), outcome: 'failed', finished: data.at, seconds: 1, attempts: 2 },
  };
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      expect(complaintsOf(logPage(data, subject, lines.join('\n')))).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
