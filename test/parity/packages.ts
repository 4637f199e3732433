import { parseStanza } from '../../src/debian/control.ts';

/** A `*-dkms` package as apt would install it. */
export interface DkmsPackage {
  name: string;
  version: string;
  component: string;
}

/** Packages that take a core for minutes: they come last, so that most results are there early. */
const HEAVY = [
  /^dahdi/,
  /^lttng/,
  /^xrt/,
  /^ezurio/,
  /^nvidia-fs/,
  /^nvidia/,
  /^openafs/,
  /^zfs|^spl/,
];

/** 0 for a light one. */
function weight(name: string): number {
  return HEAVY.findIndex((pattern) => pattern.test(name)) + 1;
}

/** Whether a package's build takes a core for minutes. */
export function isHeavy(name: string): boolean {
  return weight(name) > 0;
}

/** Reads what `apt-cache show --no-all-versions` prints: light ones first, by name. */
export function readPackages(shown: string): DkmsPackage[] {
  return shown
    .split(/\n\n+/)
    .flatMap((paragraph) => {
      const fields = parseStanza(paragraph);
      const name = fields.get('Package');
      const version = fields.get('Version');
      const section = /^(?<component>[^/]+)\//.exec(fields.get('Section') ?? '');
      return name === undefined || version === undefined
        ? []
        : [{ name, version, component: section?.groups?.['component'] ?? 'main' }];
    })
    .toSorted((a, b) => weight(a.name) - weight(b.name) || (a.name < b.name ? -1 : 1));
}
