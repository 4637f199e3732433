import { Document, isMap, isSeq, parseDocument, stringify } from 'yaml';
import { LockstepError } from '../core/errors.ts';
import { parseConfig } from './load.ts';
import { nameOf } from './modules.ts';

/** A module as it is written into a configuration: only keys that are set. */
export type ModuleEntry = Record<string, unknown>;

/** What a new configuration says besides its modules. */
export interface NewConfig {
  suite: string;
  components: readonly string[];
  modules: readonly ModuleEntry[];
}

const LINE = { lineWidth: 0, flowCollectionPadding: true } as const;

/** An entry on one line: `package: a-dkms`, or `{ name: a, directory: ./a }`. */
function lineOf(entry: ModuleEntry): string {
  const entries = Object.entries(entry);
  if (entries.length === 1) {
    return stringify(entry, LINE).trim();
  }
  const document = new Document(entry);
  if (isMap(document.contents)) {
    document.contents.flow = true;
  }
  return document.toString(LINE).trim().replace(/\n\s*/g, ' ');
}

/** Suites that a machine of a release uses together. */
function suitesOf(suite: string): string[] {
  return /^(sid|unstable|experimental)$/.test(suite) || suite.includes('-')
    ? [suite]
    : [suite, `${suite}-updates`, `${suite}-security`];
}

/** The text of a configuration that runs as it is. */
export function newConfig({ suite, components, modules }: NewConfig): string {
  return [
    '# Modules for the newest kernels of every flavour; docs/configuration.md explains every key.',
    'repository: { origin: Local Modules, directory: ./repository }',
    'archives:',
    `  - suites: [${suitesOf(suite).join(', ')}]`,
    `    components: [${components.join(', ')}]`,
    'modules:',
    ...modules.map((entry) => `  - ${lineOf(entry)}`),
    '',
  ].join('\n');
}

/** Where a list of modules ends, and how far its items are indented; undefined when it has no lines of its own. */
function endOfModules(text: string): { offset: number; indent: string } | undefined {
  const document = parseDocument(text);
  const modules = isMap(document.contents) ? document.get('modules', true) : undefined;
  if (!isSeq(modules) || modules.flow === true) {
    return undefined;
  }
  const last: unknown = modules.items.at(-1);
  const range = isMap(last) ? last.range : undefined;
  const first = modules.range?.[0];
  if (!range || first === undefined) {
    return undefined;
  }
  const lineStart = text.lastIndexOf('\n', first - 1) + 1;
  const indent = text.slice(lineStart, first);
  // A block map's value ends behind its last line's break; the comment behind a value belongs to its line.
  const end = text[range[1] - 1] === '\n' ? range[1] - 1 : text.indexOf('\n', range[1]);
  return /^[ ]*$/.test(indent) && end !== -1 ? { offset: end + 1, indent } : undefined;
}

/** The text with some more modules; everything else stays as it is, to the byte where the list has lines of its own. */
function withModules(text: string, modules: readonly ModuleEntry[]): string {
  const whole = text.endsWith('\n') ? text : `${text}\n`;
  const end = endOfModules(whole);
  if (end !== undefined) {
    const lines = modules.map((entry) => `${end.indent}- ${lineOf(entry)}\n`).join('');
    return whole.slice(0, end.offset) + lines + whole.slice(end.offset);
  }
  const document = parseDocument(text);
  for (const entry of modules) {
    document.addIn(['modules'], document.createNode(entry, { flow: true }));
  }
  return document.toString({ lineWidth: 0 });
}

/**
 * Adds modules to a configuration's text; comments and formatting are kept.
 *
 * @param file the file's path, for messages and relative paths
 * @returns the new text, and the names of modules that were there already, which are left alone
 * @throws LockstepError CONFIG_INVALID when the text is no configuration, or none with the modules added
 */
export function addModules(
  text: string,
  file: string,
  modules: readonly { name: string; entry: ModuleEntry }[],
): { text: string; added: string[]; present: string[] } {
  const there = new Set(parseConfig(text, file).modules.map(nameOf));
  const added: { name: string; entry: ModuleEntry }[] = [];
  const present: string[] = [];
  for (const module of modules) {
    if (there.has(module.name)) {
      present.push(module.name);
    } else {
      there.add(module.name);
      added.push(module);
    }
  }
  const names = added.map(({ name }) => name);
  if (added.length === 0) {
    return { text, added: names, present };
  }
  const changed = withModules(
    text,
    added.map(({ entry }) => entry),
  );
  const after = new Set(parseConfig(changed, file).modules.map(nameOf));
  if (names.some((name) => !after.has(name))) {
    throw new LockstepError('CONFIG_INVALID', `${file}: the modules can't be added to its list`, {
      hint: 'write each on a line of its own below `modules:`',
      exitCode: 2,
    });
  }
  return { text: changed, added: names, present };
}
