/** A piece of a line in one style. */
export interface Span {
  text: string;
  /** Names of classes: `c1` … `c6`, `bold`. Empty for plain text. */
  classes: string;
}

/** The style that a terminal would write in now. */
interface Style {
  bold: boolean;
  /** 1 … 6: red, green, yellow, blue, magenta, cyan; undefined is the page's own colour. */
  colour: number | undefined;
}

/** Control sequences of terminals (ECMA-48): CSI, OSC and other strings, and single escapes. */
const SEQUENCE =
  // eslint-disable-next-line no-control-regex -- control characters are what it finds
  /\u001b\[(?<sgr>[0-9;:]*)m|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|\u001b[ -/]*[0-~]?/g;

function apply(style: Style, parameters: string): Style {
  let next = style;
  const codes = parameters.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) {
      next = { bold: false, colour: undefined };
    } else if (code === 1) {
      next = { ...next, bold: true };
    } else if (code === 22) {
      next = { ...next, bold: false };
    } else if (code === 38 || code === 48) {
      // A colour of many: its own parameters follow, and mean nothing else.
      at += codes[at + 1] === 5 ? 2 : 4;
    } else if (code === 39) {
      next = { ...next, colour: undefined };
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
      const colour = code % 10;
      next = { ...next, colour: colour >= 1 && colour <= 6 ? colour : undefined };
    }
  }
  return next;
}

/**
 * Reads lines as a terminal would, without ever going back: colours and bold become classes, every other control
 * sequence is left out. Nothing is hidden: what a terminal would have overwritten stays.
 */
export class AnsiReader {
  #style: Style = { bold: false, colour: undefined };

  line(text: string): Span[] {
    const spans: Span[] = [];
    let end = 0;
    const push = (piece: string): void => {
      if (piece !== '') {
        spans.push({ text: piece, classes: this.#classes() });
      }
    };
    for (const match of text.matchAll(SEQUENCE)) {
      push(text.slice(end, match.index));
      end = match.index + match[0].length;
      const parameters = match.groups?.['sgr'];
      if (parameters !== undefined) {
        this.#style = apply(this.#style, parameters);
      }
    }
    push(text.slice(end));
    return spans;
  }

  #classes(): string {
    const { bold, colour } = this.#style;
    return [...(colour === undefined ? [] : [`c${colour}`]), ...(bold ? ['bold'] : [])].join(' ');
  }
}

/** A line's text alone. */
export function plainText(text: string): string {
  return text.replace(SEQUENCE, '');
}
