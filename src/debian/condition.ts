import { compareVersions } from './version.ts';

/** A condition on a version, as in a dependency. */
export interface VersionCondition {
  operator: '<<' | '<=' | '=' | '>=' | '>>';
  version: string;
}

const CONDITION = /^(?<operator><<|<=|=|>=|>>)\s*(?<version>[0-9][A-Za-z0-9.+~:-]*)$/;

function operatorOf(text: string | undefined): VersionCondition['operator'] | undefined {
  switch (text) {
    case '<<':
    case '<=':
    case '=':
    case '>=':
    case '>>':
      return text;
    case undefined:
    default:
      return undefined;
  }
}

/**
 * Reads conditions on a version, written as in a dependency: `>= 6.12, << 6.17`.
 *
 * @returns undefined when the text is none
 */
export function parseConditions(text: string): VersionCondition[] | undefined {
  const conditions: VersionCondition[] = [];
  for (const part of text.split(',')) {
    const groups = CONDITION.exec(part.trim())?.groups;
    const operator = operatorOf(groups?.['operator']);
    if (operator === undefined) {
      return undefined;
    }
    conditions.push({ operator, version: groups?.['version'] ?? '' });
  }
  return conditions;
}

/** Whether a version fulfils all conditions, by the order of deb-version(7). */
export function fulfils(version: string, conditions: readonly VersionCondition[]): boolean {
  return conditions.every((condition) => {
    const order = compareVersions(version, condition.version);
    switch (condition.operator) {
      case '<<':
        return order < 0;
      case '<=':
        return order <= 0;
      case '=':
        return order === 0;
      case '>=':
        return order >= 0;
      case '>>':
        return order > 0;
    }
  });
}
