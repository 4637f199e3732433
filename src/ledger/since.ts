const HOUR = 60 * 60 * 1000;
const UNITS: Record<string, number> = { h: HOUR, d: 24 * HOUR, w: 7 * 24 * HOUR };

const DATE =
  /^(?<date>\d{4}-\d{2}-\d{2})(?:[T ](?<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(?<zone>Z|[+-]\d{2}:\d{2})?)?$/i;

/**
 * What a user means by `--since`: a date (`2026-11-01`, from midnight), an instant (`2026-11-01T03:12Z`; UTC, as all that
 * Lockstep prints, where no zone is given), an age (`12h`, `3d`, `2w`) or a run (`12`, `#12`).
 *
 * @returns an instant, a run's number, or undefined when it is none of these
 */
export function parseSince(text: string, now: Date): Date | number | undefined {
  const trimmed = text.trim();
  const run = /^#?(?<run>\d+)$/.exec(trimmed)?.groups?.['run'];
  if (run !== undefined) {
    return Number.isSafeInteger(Number(run)) ? Number(run) : undefined;
  }
  const age = /^(?<count>\d+) ?(?<unit>[hdw])$/i.exec(trimmed)?.groups;
  if (age !== undefined) {
    const milliseconds = Number(age['count']) * (UNITS[age['unit']?.toLowerCase() ?? ''] ?? 0);
    return validDate(now.getTime() - milliseconds);
  }
  const parts = DATE.exec(trimmed)?.groups;
  if (parts === undefined) {
    return undefined;
  }
  const { date = '', time = '00:00', zone = 'Z' } = parts;
  // A day that its month does not have would count as one of the next month.
  const day = new Date(`${date}T00:00Z`);
  return Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== date
    ? undefined
    : validDate(Date.parse(`${date}T${time}${zone.toUpperCase()}`));
}

function validDate(instant: number): Date | undefined {
  const date = new Date(instant);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
