import { type SuiteSource, suiteId } from './suite-sources.ts';

/** What apt said of one suite that it could not bring up to date. */
export interface SuiteFailure {
  source: SuiteSource;
  /** apt's lines on the suite as a whole; undefined when only some indices are bad. */
  whole: string | undefined;
  /** Component → apt's lines on its index. */
  components: Map<string, string>;
}

export interface UpdateFailures {
  suites: SuiteFailure[];
  /** Errors that name no suite (a lock, a full disk), empty when there is none. */
  other: string;
}

/** apt's messages: a line that begins with `E:` or `W:`, with the indented ones that belong to it. */
function messagesOf(stderr: string): string[] {
  return stderr.split(/\n(?! )/).filter((text) => /^[EW]: /.test(text));
}

/** An index that was given up only because another one of its suite is bad. */
const COLLATERAL = /^E: Failed to fetch \S+\s*$/;
const SUMMARY = /^[EW]: Some index files failed to download/;
const NO_COMPONENT = /doesn't have the component '(?<component>[^']+)'/;

/** Address without scheme and user, as it stands in every message on it. */
function addressOf(source: SuiteSource): string {
  return suiteId({ base: source.base, suite: '' })
    .trim()
    .replace(/^[^:]+:\/*/, '');
}

function speaksOf(message: string, source: SuiteSource): boolean {
  const address = addressOf(source);
  return (
    message.includes(`${address}/dists/${source.suite}/`) ||
    [' InRelease', ' Release', ':'].some((end) =>
      [`${address} ${source.suite}${end}`, `${address}/ ${source.suite}${end}`].some((text) =>
        message.includes(text),
      ),
    )
  );
}

/** The suite a message is on; a mirror that redirects is known by the suite's path alone. */
function findSource(message: string, sources: readonly SuiteSource[]): SuiteSource | undefined {
  const exact = sources.find((source) => speaksOf(message, source));
  if (exact !== undefined) {
    return exact;
  }
  const similar = sources.filter(({ suite }) => message.includes(`/dists/${suite}/`));
  return similar.length === 1 ? similar[0] : undefined;
}

function findComponent(message: string, source: SuiteSource): string | undefined {
  const missing = NO_COMPONENT.exec(message)?.groups?.['component'];
  return (
    missing ??
    source.components.find((name) => message.includes(`/dists/${source.suite}/${name}/binary-`))
  );
}

function append(text: string | undefined, message: string): string {
  return text === undefined ? message : `${text}\n${message}`;
}

/**
 * Reads from apt-get update's standard error which suites, and which of their indices, are bad. apt has no machine-
 * readable errors; it brings each suite up to date as a whole or not at all, so one bad index also stops the others
 * of its suite, which are not named here.
 */
export function readUpdateFailures(
  stderr: string,
  sources: readonly SuiteSource[],
): UpdateFailures {
  const found = new Map<SuiteSource, SuiteFailure>();
  const warnings = new Map<SuiteSource, string>();
  const stopped = new Map<SuiteSource, string>();
  let other: string | undefined;
  for (const message of messagesOf(stderr)) {
    const source = findSource(message, sources);
    const isError = message.startsWith('E:');
    if (SUMMARY.test(message)) {
      continue;
    }
    if (source === undefined) {
      other = isError ? append(other, message) : other;
      continue;
    }
    if (!isError && !NO_COMPONENT.test(message)) {
      warnings.set(source, append(warnings.get(source), message));
      continue;
    }
    const component = findComponent(message, source);
    if (component !== undefined && COLLATERAL.test(message)) {
      stopped.set(source, append(stopped.get(source), message));
      continue;
    }
    const failure = found.get(source) ?? {
      source,
      whole: undefined,
      components: new Map<string, string>(),
    };
    found.set(source, failure);
    if (component === undefined) {
      failure.whole = append(failure.whole, message);
    } else {
      failure.components.set(component, append(failure.components.get(component), message));
    }
  }
  for (const [source, message] of stopped) {
    if (!found.has(source)) {
      found.set(source, { source, whole: message, components: new Map<string, string>() });
    }
  }
  for (const failure of found.values()) {
    // Why a signature is refused stands in a warning before the error.
    const warning = warnings.get(failure.source);
    if (failure.whole !== undefined && warning !== undefined) {
      failure.whole = `${warning}\n${failure.whole}`;
    }
  }
  return { suites: [...found.values()], other: other ?? '' };
}
