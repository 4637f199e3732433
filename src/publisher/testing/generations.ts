import type { SigningKey } from '../key.ts';
import type { FileOperations } from '../operations.ts';
import { publish, type PublishResult } from '../publish.ts';

/** A repository whose next state is known, so that any process can publish it without gpg. */
export interface Scenario {
  directory: string;
  stateDirectory: string;
  fingerprint: string;
  publicKey: string;
  debs: string[];
  /** The next InRelease, signed beforehand. */
  inRelease: string;
}

/** A key that knows one signed text. Its signature is genuine as long as the text is the one that was signed. */
function presignedKey(scenario: Scenario): SigningKey {
  return {
    fingerprint: scenario.fingerprint,
    publicKey: scenario.publicKey,
    sign(content) {
      return scenario.inRelease.includes(`\n\n${content}-----BEGIN PGP SIGNATURE-----`)
        ? Promise.resolve(scenario.inRelease)
        : Promise.reject(new Error(`another text was to be signed: ${content}`));
    },
    verify: () => Promise.resolve(true),
    isOurs: () => Promise.resolve(true),
  };
}

export const CRASH_DATE = new Date('2026-11-11T11:11:11Z');

/** Publishes a suite `trixie` with two states kept. */
export function publishScenario(
  scenario: Omit<Scenario, 'inRelease' | 'fingerprint' | 'publicKey'>,
  key: SigningKey,
  disk?: FileOperations,
): Promise<PublishResult> {
  return publish(
    {
      directory: scenario.directory,
      stateDirectory: scenario.stateDirectory,
      origin: 'Crash',
      key,
      url: `file:${scenario.directory}`,
      date: CRASH_DATE,
      retainedGenerations: 2,
      ...(disk === undefined ? {} : { disk }),
    },
    [
      {
        suite: 'trixie',
        codename: 'trixie',
        component: 'main',
        architectures: ['amd64'],
        debs: scenario.debs,
      },
    ],
  );
}

export function publishPresigned(
  scenario: Scenario,
  disk?: FileOperations,
): Promise<PublishResult> {
  return publishScenario(scenario, presignedKey(scenario), disk);
}
