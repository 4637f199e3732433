const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Seconds for people, in at most two units: `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE) {
    return `${whole} s`;
  }
  const [large, unit, small, smallUnit] =
    whole < HOUR
      ? [MINUTE, 'min', 1, 's']
      : whole < DAY
        ? [HOUR, 'h', MINUTE, 'min']
        : [DAY, 'd', HOUR, 'h'];
  const times = Math.floor(whole / large);
  const rest = Math.floor((whole % large) / small);
  return rest === 0 || times >= 10 ? `${times} ${unit}` : `${times} ${unit} ${rest} ${smallUnit}`;
}

/** An instant for people, in UTC: `2026-11-27 13:54`. */
export function formatInstant(instant: string): string {
  return instant.slice(0, 16).replace('T', ' ');
}

/** Seconds from one instant to another; never negative. */
export function secondsBetween(from: string, to: string): number {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}

/** `1 kernel`, `2 kernels`, `1,500 kernels`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

/** Whole numbers with commas, alike on every machine. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The beginning of a text that is too long for a list. */
export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
