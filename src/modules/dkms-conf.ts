import { LockstepError } from '../core/errors.ts';
import type { DeclaredModule, DkmsConf } from '../model/modules.ts';

const MAX_MODULES = 1000;
const MAX_BYTES = 120_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.+~-]{0,127}$/;

function invalid(message: string): LockstepError {
  return new LockstepError('DKMS_CONF_INVALID', `dkms.conf: ${message}`, {
    hint: 'this is for the maintainer of the module: dkms(8) says what the file may contain',
    exitCode: 1,
  });
}

/** Splits `name NUL value NUL ...`, in order. */
function pairsOf(output: Buffer): [string, string][] {
  const parts = output.toString('utf8').split('\0');
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    pairs.push([parts[i] ?? '', parts[i + 1] ?? '']);
  }
  return pairs;
}

/** A path below the build folder: no absolute path, no `..`. Without slashes at its ends. */
function relativeFolder(value: string, directive: string): string {
  const clean = value.replace(/^\.?\/+|\/+$/g, '').replace(/\/{2,}/g, '/');
  // eslint-disable-next-line no-control-regex -- control characters are what it refuses
  const isOdd = /[\u0000-\u001f\u007f]/.test(clean);
  if (value.startsWith('/') || clean.split('/').includes('..') || isOdd) {
    throw invalid(`${directive} ${JSON.stringify(value)} leads out of the build folder`);
  }
  return clean === '.' ? '' : clean;
}

/** A module's file name without `.ko`. */
function moduleFile(value: string, directive: string): string {
  if (!NAME.test(value) || /\.k?o$/.test(value)) {
    throw invalid(`${directive} ${JSON.stringify(value)} is not a module name`);
  }
  return value;
}

const RECORD_DIRECTIVES: ReadonlySet<string> = new Set([
  'BUILT_MODULE_NAME',
  'BUILT_MODULE_LOCATION',
  'DEST_MODULE_NAME',
  'DEST_MODULE_LOCATION',
]);

function declaredModules(
  values: ReadonlyMap<string, string>,
  packageName: string,
): DeclaredModule[] {
  const indices = [...values.keys()].flatMap((key) => {
    const match = /^(?<name>\w+)\[(?<index>\d{1,6})\]$/.exec(key)?.groups;
    return match !== undefined && RECORD_DIRECTIVES.has(match['name'] ?? '')
      ? [Number(match['index'])]
      : [];
  });
  const count = Math.max(-1, ...indices) + 1;
  if (count > MAX_MODULES) {
    throw invalid(`declares ${count} modules; at most ${MAX_MODULES} are taken`);
  }
  return Array.from({ length: count }, (_, index): DeclaredModule => {
    const value = (name: string, at = index): string | undefined =>
      values.get(`${name}[${at}]`) || undefined;
    const builtName = value('BUILT_MODULE_NAME') ?? (count === 1 ? packageName : undefined);
    if (builtName === undefined) {
      throw invalid(`no BUILT_MODULE_NAME for record #${index}`);
    }
    const strip = value('STRIP') ?? value('STRIP', 0) ?? 'yes';
    return {
      location: relativeFolder(value('BUILT_MODULE_LOCATION') ?? '', 'BUILT_MODULE_LOCATION'),
      builtName: moduleFile(builtName, 'BUILT_MODULE_NAME'),
      installedName: moduleFile(value('DEST_MODULE_NAME') ?? builtName, 'DEST_MODULE_NAME'),
      strip: !/^n/i.test(strip),
    };
  });
}

/** The name and version that a source folder's own name gives: `ovpn-dco-0.0+git20241121`. */
export function splitSourceFolder(folder: string): { name: string; version: string } {
  const match = /^(?<name>.+?)-(?<version>\d[^/]*|[^-/]+)$/.exec(folder);
  return {
    name: match?.groups?.['name'] ?? folder,
    version: match?.groups?.['version'] ?? '0',
  };
}

/**
 * Reads what `evaluate.bash` wrote. Everything in it comes from the module's source and is checked.
 *
 * @param folder name of the folder below /usr/src: name and version where the file gives none that can be used
 * @throws LockstepError DKMS_CONF_INVALID
 */
export function readEvaluation(output: Buffer, folder: string): DkmsConf {
  const pairs = pairsOf(output);
  const values = new Map(pairs);
  if (!values.has('end')) {
    throw invalid('it could not be evaluated to its end');
  }
  const scalar = (name: string): string | undefined => values.get(`${name}[0]`) || undefined;
  const fallback = splitSourceFolder(folder);
  const usable = (value: string | undefined): string | undefined =>
    value !== undefined && NAME.test(value) ? value : undefined;
  const name = usable(scalar('PACKAGE_NAME')) ?? fallback.name;
  const version = usable(scalar('PACKAGE_VERSION')) ?? fallback.version;
  if (!NAME.test(name) || !NAME.test(version)) {
    throw invalid(
      'neither PACKAGE_NAME and PACKAGE_VERSION nor the folder give a name and a version',
    );
  }
  const modules = declaredModules(values, name);
  const excluded = pairs.filter(([key]) => key === 'excluded').map(([, value]) => value);
  if (modules.length === 0 && excluded.length === 0) {
    throw invalid('no BUILT_MODULE_NAME: nothing would be built');
  }
  const installed = modules.map((entry) => entry.installedName);
  const twice = installed.find((entry, index) => installed.indexOf(entry) !== index);
  if (twice !== undefined) {
    throw invalid(`${twice} is declared twice`);
  }
  // They are handed on as arguments, of which the kernel takes no more than 128 KiB each.
  const total = pairs.reduce((sum, [key, value]) => sum + Buffer.byteLength(key + value), 0);
  if (total > MAX_BYTES) {
    throw invalid(`says ${total} bytes; at most ${MAX_BYTES} are taken`);
  }
  return {
    name,
    version,
    modules,
    make: values.get('make') ?? '',
    patches: pairs
      .filter(([key]) => key === 'patch')
      .map(([, value]) => relativeFolder(value, 'PATCH')),
    preBuild: scalar('PRE_BUILD'),
    postBuild: scalar('POST_BUILD'),
    buildDepends: pairs
      .filter(([key]) => key.startsWith('BUILD_DEPENDS['))
      .map(([, value]) => value),
    remakeInitrd: /^y/i.test(scalar('REMAKE_INITRD') ?? ''),
    excluded:
      excluded.length === 0 ? undefined : excluded.join(', ').replace(/\s+/g, ' ').slice(0, 300),
  };
}
