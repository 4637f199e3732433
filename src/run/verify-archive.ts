import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { LockstepError } from '../core/errors.ts';
import { parseRelations } from '../debian/relation.ts';
import type { Stanza } from '../debian/control.ts';
import type { Publications } from '../ledger/schema.ts';
import type { KernelSighting } from '../model/sightings.ts';
import { judgeEdge } from '../planner/edges.ts';
import { type BrokenPackage, debcheck, hasDebcheck } from '../programs/dose.ts';
import type { Defect } from '../publisher/verify.ts';
import { writeStanzas } from './archive-stanzas.ts';
import type { Context } from './context.ts';
import { planAll, type SurveyPlan } from './plan.ts';
import { type Place, placesOf, type Remark } from './published-places.ts';
import { publicationId } from './suite-update.ts';

/** How the published suites fit Debian's. */
export interface ArchiveVerification {
  defects: Defect[];
  /** Packages that can't be installed from the archive as it is now, as it has to be. */
  apart: Remark[];
  /** What was not looked at. */
  unchecked: Remark[];
}

const nameOf = (stanza: Stanza): string => stanza.get('Package') ?? '';
const whatOf = ({ suite, architecture }: Place, name: string, version: string): string =>
  `${suite.suite} ${architecture}: ${name} ${version}`;

/**
 * Verifies published suites against the archives as they were read last: that every tracking package's edge leads to a
 * kernel, and that every package can be installed, by `dose-debcheck`. Fetches and changes nothing.
 *
 * @param installable whether packages are to be checked by that program; undefined: when it is there
 * @throws LockstepError ENVIRONMENT when it is to be and is not there
 */
export async function verifyAgainstArchives(
  context: Context,
  installable: boolean | undefined,
): Promise<ArchiveVerification> {
  const found: ArchiveVerification = { defects: [], apart: [], unchecked: [] };
  let planned: SurveyPlan;
  try {
    planned = await planAll(context, { refresh: false });
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'ARCHIVE_UNREACHABLE') {
      throw error;
    }
    found.unchecked.push({ what: 'all suites', why: error.message });
    return found;
  }
  const isThere = await hasDebcheck();
  if (!isThere && installable === true) {
    throw new LockstepError('ENVIRONMENT', 'the program dose-debcheck is not installed', {
      hint: 'apt-get install --no-install-recommends dose-distcheck',
    });
  }
  if (!isThere && installable === undefined) {
    found.unchecked.push({
      what: 'all packages',
      why: 'whether they can be installed is checked where dose-debcheck is there (apt-get install dose-distcheck)',
    });
  }
  const { ledger } = context;
  const publications = await ledger.publications();
  const sightings = [...(await ledger.sightings()).values()];
  const known = new Set(
    sightings.map((sighting) => `${sighting.release}/${sighting.architecture}`),
  );
  const facts = { plan: planned.plan, publications, sightings, known };
  for (const place of await placesOf(context, planned.survey, found.unchecked)) {
    const stale = verifyEdges(facts, place, found);
    if (isThere && installable !== false) {
      await verifyInstallable(context, place, stale, found);
    }
  }
  return found;
}

/** Names of packages that stand for kernels which the archive does not have, or not as the newest, any more. */
type Stale = Map<string, string>;

/** What edges are judged by. */
interface Facts {
  plan: SurveyPlan['plan'];
  publications: Publications;
  sightings: readonly KernelSighting[];
  /** `release/architecture` of each kernel that was ever seen. */
  known: ReadonlySet<string>;
}

/** Judges the edges. @returns what explains that a package can't be installed: name of what it needs → why */
function verifyEdges(
  { plan, publications, sightings, known }: Facts,
  place: Place,
  found: ArchiveVerification,
): Stale {
  const { suite, architecture } = place;
  const published = publications[suite.suite] ?? {};
  const targets = plan.targets.filter(({ suites }) => suites.includes(suite.suite));
  const stale: Stale = new Map();
  for (const stanza of place.stanzas) {
    const name = nameOf(stanza);
    const entry = published[publicationId(name, stanza.get('Architecture') ?? '')];
    if (entry?.kind !== 'tracking' || entry.module === undefined || entry.track === undefined) {
      continue;
    }
    const { module, track } = entry;
    const edge = { module, track, architecture, depends: stanza.get('Depends') ?? '' };
    const { state, release, why } = judgeEdge(edge, { kernels: suite.all, targets, known });
    const what = whatOf(place, name, stanza.get('Version') ?? '');
    if (state === 'broken') {
      found.defects.push({ what, problem: why, isDamaged: false });
    } else if (state === 'held') {
      found.apart.push({ what, why });
      stale.set(`linux-latest-modules-${release ?? ''}`, why);
    }
  }
  const present = new Set(
    suite.all
      .filter(({ kernel }) => kernel.architecture === architecture)
      .map(({ kernel }) => kernel.image),
  );
  for (const { image, release, left, ...sighting } of sightings) {
    if (sighting.architecture === architecture && !present.has(image)) {
      const since = left === undefined ? '' : ` on ${left.slice(0, 10)}`;
      stale.set(
        image,
        `its kernel ${release} has left ${suite.suite}${since}: only machines that have it can use it`,
      );
    }
  }
  return stale;
}

/** What of a suite can't be installed from the archive; what lacks only stale kernels stands apart. */
async function verifyInstallable(
  { signal, archives }: Context,
  place: Place,
  stale: Stale,
  found: ArchiveVerification,
): Promise<void> {
  const { suite, architecture, text, stanzas } = place;
  const own = archives.find(({ archive }) => archive === suite.archive);
  const groups = archives.filter(
    ({ group }) => group === own?.group || own?.group.bases.includes(group.name) === true,
  );
  const scratch = await fs.mkdtemp(path.join(tmpdir(), 'lockstep-verify-'));
  try {
    const index = path.join(scratch, 'ours');
    await fs.writeFile(index, text);
    const background = path.join(scratch, 'archive');
    await writeStanzas(
      groups.map(({ archive }) => archive),
      architecture,
      background,
    );
    const broken = await debcheck(architecture, index, [background], signal);
    const explained = [...stale.keys()].filter((name) => isNeeded(name, stanzas));
    if (broken.length === 0) {
      return;
    }
    const kernels = path.join(scratch, 'kernels');
    const stand = explained.map(
      (name) => `Package: ${name}\nVersion: 1\nArchitecture: ${architecture}\n\n`,
    );
    await fs.writeFile(kernels, stand.join(''));
    const still = new Set(
      (await debcheck(architecture, index, [background, kernels], signal)).map(idOf),
    );
    const apart = new Set(found.apart.map(({ what }) => what));
    for (const entry of broken) {
      const what = whatOf(place, entry.name, entry.version);
      if (still.has(idOf(entry))) {
        const problem = `can't be installed: ${entry.reasons.join('; ')}`;
        found.defects.push({ what, problem, isDamaged: false });
      } else if (!apart.has(what)) {
        found.apart.push({ what, why: whyOf(entry, stale) });
      }
    }
  } finally {
    await fs.rm(scratch, { recursive: true, force: true });
  }
}

const idOf = ({ name, version }: BrokenPackage): string => `${name} ${version}`;

function isNeeded(name: string, stanzas: readonly Stanza[]): boolean {
  return stanzas.some((stanza) =>
    parseRelations(stanza.get('Depends')).some((group) =>
      group.some((relation) => relation.name === name),
    ),
  );
}

/** What stale kernel keeps a package from being installed. */
function whyOf({ reasons }: BrokenPackage, stale: Stale): string {
  const whys = reasons.flatMap((reason) => {
    const name = /needs (?<name>[^ ]+)/.exec(reason)?.groups?.['name'] ?? '';
    return stale.get(name) ?? [];
  });
  return [...new Set(whys)].join('; ') || reasons.join('; ');
}
