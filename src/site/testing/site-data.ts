import type { Lag, Outcome } from '../../model/timeline.ts';
import { VERDICT_MEANINGS, type Verdict } from '../../model/verdicts.ts';
import type {
  SiteBuild,
  SiteCell,
  SiteData,
  SiteKernel,
  SiteModule,
  SiteTracking,
} from '../data.ts';

const NAMES = [
  ...['v4l2loopback', 'acpi-call', 'openvpn-dco', 'zfs', 'wireguard', 'virtualbox', 'evdi'],
  ...[
    'xtables-addons',
    'rtl8821ce',
    'broadcom-sta',
    'openafs',
    'tp-smapi',
    'r8168',
    'lttng-modules',
  ],
];
const SUITES = ['trixie', 'trixie-backports', 'forky', 'sid'];
const ARCHITECTURES = ['amd64', 'arm64', 'riscv64'];
const NOW = Date.parse('2026-11-27T12:00:00.000Z');
const HOUR = 3_600_000;

function instant(hours: number): string {
  return new Date(NOW - hours * HOUR).toISOString();
}

export interface SiteSize {
  modules: number;
  kernels: number;
  /** All kernels in one suite and architecture: the largest matrix there can be. */
  isOneMatrix?: boolean;
}

function flavoursOf(architecture: string): string[] {
  return [architecture, `cloud-${architecture}`, `rt-${architecture}`];
}

/** The kernels of a site: the newest upload first in each suite, flavours side by side. */
function makeKernels({ kernels: count, isOneMatrix = false }: SiteSize): SiteKernel[] {
  const suites = isOneMatrix ? SUITES.slice(0, 1) : SUITES;
  const architectures = isOneMatrix ? ARCHITECTURES.slice(0, 1) : ARCHITECTURES;
  return Array.from({ length: count }, (_, index): SiteKernel => {
    const suite = suites[index % suites.length] ?? '';
    const rest = Math.floor(index / suites.length);
    const architecture = architectures[rest % architectures.length] ?? '';
    const flavours = flavoursOf(architecture);
    const flavour = flavours[Math.floor(rest / architectures.length) % flavours.length] ?? '';
    const upload = Math.floor(rest / (architectures.length * flavours.length));
    const series = 12 + (index % suites.length) * 2 - Math.floor(upload / 200);
    const upstream = `6.${series}.${218 - (upload % 200)}`;
    const abi = `${upstream}+deb13`;
    return {
      ...{ release: `${abi}-${flavour}`, architecture, flavour, abi },
      version: `${upstream}-1`,
      source: `linux-signed-${architecture}`,
      suites: new Map([[suite, upload === 0 ? [flavour] : []]]),
      ...{ first: instant(upload * 24 * 6 + 30), left: undefined, unseenSince: undefined },
    };
  });
}

function verdictOf(module: number, kernel: number): Verdict {
  const pick = (module * 31 + kernel * 17) % 97;
  return pick === 3
    ? 'failed'
    : pick === 5
      ? 'queued'
      : pick === 7
        ? 'broken'
        : pick === 11
          ? 'building'
          : pick < 16 && module % 5 === 2
            ? 'excluded'
            : pick === 17
              ? 'headers-gone'
              : module % 9 === 4
                ? 'in-tree'
                : 'published';
}

const REASONS: Partial<Record<Verdict, string>> = {
  published: 'the module fits this kernel',
  failed:
    "drivers/main.c:412:9: error: implicit declaration of function 'del_timer_sync'; did you mean 'timer_delete_sync'? [-Wimplicit-function-declaration]",
  excluded: 'dkms.conf: BUILD_EXCLUSIVE_KERNEL_MIN 6.14',
  queued: 'new kernel',
  broken: 'no space left on device',
  'in-tree': 'the kernel brings it (CONFIG_WIREGUARD=m)',
  'headers-gone': 'the archive has no headers for this kernel any more',
};

function buildOf(module: number, kernel: number, verdict: Verdict): SiteBuild {
  const key = `${module.toString(16).padStart(4, '0')}${kernel.toString(16).padStart(4, '0')}`;
  return {
    key: key.repeat(8),
    outcome: verdict === 'failed' || verdict === 'broken' ? verdict : 'built',
    ...{
      finished: instant(26),
      seconds: 4 + (module % 40),
      attempts: verdict === 'broken' ? 3 : 1,
    },
  };
}

/** A site of some size that looks like one. */
export function makeSiteData(size: SiteSize): SiteData {
  const kernels = makeKernels(size);
  const names = Array.from(
    { length: size.modules },
    (_, index) => NAMES[index] ?? `module-${index}`,
  );
  const cells = names.flatMap((module, at) =>
    kernels.map((kernel, index): SiteCell => {
      const verdict = verdictOf(at, index);
      const hasBuild = verdict === 'published' || verdict === 'failed' || verdict === 'broken';
      return {
        ...{ module, version: `1.${at}.2-1`, kernel, verdict },
        ...{ suites: [...kernel.suites.keys()], ahead: [], passedOver: [], cause: undefined },
        reason: REASONS[verdict] ?? 'a reason',
        action: VERDICT_MEANINGS[verdict].action,
        ...{ since: instant(25 + index), from: 'trixie' },
        build: hasBuild ? buildOf(at, index, verdict) : undefined,
      };
    }),
  );
  return {
    ...{ origin: 'Example Modules', url: 'https://modules.example/', slug: 'example-modules' },
    ...{ at: instant(0), suites: size.isOneMatrix === true ? ['trixie'] : SUITES, kernels, cells },
    modules: names.map((name, at) => makeModule(name, at)),
    tracking: trackingOf(cells),
    ...{ absent: [], problems: [], outcomes: outcomesOf(cells), lags: lagsOf(cells) },
    logs: new Set(cells.flatMap(({ build }) => build?.key ?? [])),
  };
}

/** Published cells of kernels that a metapackage points to. */
function trackingOf(cells: readonly SiteCell[]): SiteTracking[] {
  return cells
    .filter(({ verdict }) => verdict === 'published')
    .flatMap(({ module, kernel: { suites, architecture } }) =>
      [...suites].flatMap(([suite, tracks]) =>
        tracks.map((track) => ({ suite, module, architecture, track })),
      ),
    );
}

function makeModule(name: string, at: number): SiteModule {
  const version = `1.${at}.2-1`;
  return {
    name,
    summary: `What ${name} does, in one line from its package`,
    homepage: `https://example.org/${name}`,
    withheld: undefined,
    versions: [{ version, from: 'trixie', source: `${name}-dkms ${version}`, component: 'main' }],
  };
}

function targetOf({
  module,
  version,
  kernel,
  suites,
}: SiteCell): Omit<Outcome & { type: 'mended' }, 'at' | 'type'> {
  const { release, architecture, version: kernelVersion } = kernel;
  return {
    ...{ suite: suites[0] ?? '', module, moduleVersion: version },
    ...{ release, architecture, kernelVersion },
  };
}

function outcomesOf(cells: readonly SiteCell[]): Outcome[] {
  return cells.flatMap((cell): Outcome[] => {
    const at = cell.since;
    return cell.verdict === 'published'
      ? [{ type: 'published', at, ...targetOf(cell) }]
      : cell.verdict === 'failed'
        ? [{ type: 'failed', at, ...targetOf(cell), reason: cell.reason }]
        : [];
  });
}

function lagsOf(cells: readonly SiteCell[]): Lag[] {
  return cells
    .filter(({ verdict }) => verdict === 'published')
    .map((cell, at): Lag => {
      const seen = Date.parse(cell.kernel.first ?? '');
      const seconds = 60 + ((at * 7919) % 700) * (at % 41 === 0 ? 30 : 1);
      const suite = SUITES.indexOf([...cell.kernel.suites.keys()][0] ?? '');
      const isFirst =
        cell.kernel.suites.values().some((tracks) => tracks.length === 0) && suite > 1;
      return Object.assign(targetOf(cell), {
        published: new Date(seen + seconds * 1000).toISOString(),
        seen: new Date(seen).toISOString(),
        isCatchUp: isFirst,
        released: new Date(seen - 900_000).toISOString(),
      });
    });
}

/** A log as kbuild writes one, with colours, warnings and errors. */
export function makeLog(lines: number): string {
  const log = [
    'make -C /usr/src/linux-headers M=/build modules',
    "make: Entering directory '/usr/src/linux-headers'",
    ...Array.from({ length: lines }, (_, at) => `  CC [M]  /build/part-${at}.o`),
    "\u001b[1m/build/main.c:\u001b[m In function '\u001b[1mstop\u001b[m':",
    "\u001b[1m/build/main.c:398:5:\u001b[m \u001b[35m\u001b[1mwarning: \u001b[munused variable '\u001b[1mflags\u001b[m' [\u001b[35m-Wunused-variable\u001b[m]",
    "\u001b[1m/build/main.c:412:9:\u001b[m \u001b[31m\u001b[1merror: \u001b[mimplicit declaration of function '\u001b[1mdel_timer_sync\u001b[m'",
    '  412 |         \u001b[31m\u001b[1mdel_timer_sync\u001b[m(&state->timer);',
    'make[3]: *** [scripts/Makefile.build:287: /build/main.o] Error 1',
    'make: *** [Makefile:1920: /build] Error 2',
  ];
  return `${log.join('\n')}\n`;
}
