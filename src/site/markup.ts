import { html, raw } from 'hono/html';

/** Text that is markup already; everything else is escaped when it is put into a page. */
export type Markup = ReturnType<typeof raw>;

export type Insertable = string | number | boolean | undefined | Markup | readonly Insertable[];

/**
 * Control characters, marks that turn the direction of text around them, and what is no character: a name or a log must
 * not change how the text beside it is read, and XML allows none of the first.
 */
const UNSEEN =
  // eslint-disable-next-line no-control-regex -- control characters are what it finds
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Text from outside with every character that can't be seen as such shown as `\ufffd`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, '\ufffd');
}

function prepare(value: Insertable): unknown {
  if (typeof value === 'string') {
    return visible(value);
  }
  return Array.isArray(value) ? value.map((inner: Insertable) => prepare(inner)) : value;
}

/**
 * A template of HTML or XML. Values are escaped, for text and for attributes in quotes alike; `false` and undefined are
 * nothing.
 */
export function markup(strings: TemplateStringsArray, ...values: readonly Insertable[]): Markup {
  const made = html(strings, ...values.map((value) => prepare(value)));
  if (made instanceof Promise) {
    throw new Error('a page has nothing to wait for');
  }
  return made;
}

/** Pieces one after the other. */
export function join(pieces: readonly Markup[]): Markup {
  return raw(pieces.join(''));
}

export const NOTHING: Markup = raw('');
