export type Operator = '<<' | '<=' | '=' | '>=' | '>>';

/** One alternative of a relationship field (deb-control(5)). */
export interface Relation {
  name: string;
  /** The `:any` or `:arch` qualifier, without its colon. */
  qualifier: string | undefined;
  operator: Operator | undefined;
  version: string | undefined;
}

const RELATION =
  /^(?<name>[A-Za-z0-9][A-Za-z0-9+.-]*)(?::(?<qualifier>[a-z0-9-]+))?\s*(?:\(\s*(?<operator><<|<=|=|>=|>>|<|>)\s*(?<version>[^\s)]+)\s*\))?/;

/** An operator as it is written; the obsolete `<` and `>` mean `<=` and `>=` (Policy 7.1). */
export function operatorOf(text: string | undefined): Operator | undefined {
  switch (text) {
    case undefined:
      return undefined;
    case '<':
      return '<=';
    case '>':
      return '>=';
    case '<<':
    case '<=':
    case '=':
    case '>=':
    case '>>':
      return text;
    default:
      return undefined;
  }
}

/**
 * Reads a relationship field (`Depends`, `Provides`, ...): all of the outer list, any of each inner list.
 * Architecture and profile restrictions are passed over: binary packages have none.
 */
export function parseRelations(field: string | undefined): Relation[][] {
  if (field === undefined || field.trim() === '') {
    return [];
  }
  return field
    .split(',')
    .map((group) =>
      group.split('|').flatMap((alternative): Relation[] => {
        const groups = RELATION.exec(alternative.trim())?.groups;
        const name = groups?.['name'];
        if (groups === undefined || name === undefined) {
          return [];
        }
        return [
          {
            name,
            qualifier: groups['qualifier'],
            operator: operatorOf(groups['operator']),
            version: groups['version'],
          },
        ];
      }),
    )
    .filter((group) => group.length > 0);
}
