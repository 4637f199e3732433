import { type Letter, releaseOf, STAND_INS, type SuiteName } from './suites.ts';

/**
 * Puts a suite's own names into a command: `@B` is the release of kernel B, `@vB` its version, `@debian`, `@security`
 * and `@backports` are the codenames of its archives.
 */
export function words(command: readonly string[], suite: SuiteName): string[] {
  const { kernels, archives } = STAND_INS[suite];
  return command.map((word) =>
    word
      .replaceAll(
        /@(debian|security|backports)\b/g,
        (_all, name: keyof typeof archives) => archives[name].codename,
      )
      .replaceAll(/@v([ANBCP])\b/g, (_all, letter: Letter) => kernels[letter].version)
      .replaceAll(/@([ANBCP])(?![a-zA-Z])/g, (_all, letter: Letter) => releaseOf(suite, letter)),
  );
}
