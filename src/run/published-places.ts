import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readFileOrUndefined } from '../core/files.ts';
import type { Stanza } from '../debian/control.ts';
import { packageStanzas } from '../publisher/indices.ts';
import type { Context } from './context.ts';
import type { Survey } from './survey.ts';
import type { SurveySuite } from './survey-suites.ts';

/** Something to know that is no defect. */
export interface Remark {
  /** A package of a suite, a suite, or the repository. */
  what: string;
  why: string;
}

/** One architecture of a published suite. */
export interface Place {
  suite: SurveySuite;
  architecture: string;
  /** Its `Packages`. */
  text: string;
  stanzas: Stanza[];
}

/**
 * What is published, in the order of names.
 *
 * @param unchecked gets what can't be judged
 */
export async function placesOf(
  { config }: Context,
  survey: Survey,
  unchecked: Remark[],
): Promise<Place[]> {
  const dists = path.join(config.repository.directory, 'dists');
  const places: Place[] = [];
  for (const name of (await fs.readdir(dists)).toSorted()) {
    const suite = survey.suites.find((entry) => entry.suite === name && entry.isPublished);
    if (suite === undefined) {
      unchecked.push({ what: name, why: 'the configuration does not publish it any more' });
      continue;
    }
    const main = path.join(dists, name, 'main');
    const folders = await fs.readdir(main).catch((): string[] => []);
    for (const folder of folders.filter((entry) => entry.startsWith('binary-')).toSorted()) {
      const architecture = folder.slice('binary-'.length);
      const text = await readIndex(path.join(main, folder, 'Packages.gz'));
      if (text === undefined) {
        const why = "its index can't be read";
        unchecked.push({ what: `${name} ${architecture}`, why });
        continue;
      }
      if (text.trim() === '') {
        continue;
      }
      if (!suite.architectures.includes(architecture)) {
        const why = 'the archive has no index of the architecture that could be read';
        unchecked.push({ what: `${name} ${architecture}`, why });
        continue;
      }
      places.push({ suite, architecture, text, stanzas: packageStanzas(text) });
    }
  }
  return places;
}

async function readIndex(file: string): Promise<string | undefined> {
  try {
    const bytes = await readFileOrUndefined(file);
    return bytes === undefined ? undefined : gunzipSync(bytes).toString('utf8');
  } catch {
    // What is wrong with it is said elsewhere.
    return undefined;
  }
}
