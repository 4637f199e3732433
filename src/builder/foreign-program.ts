import type { Cross } from './cross.ts';
import { linesOf } from './log.ts';

/** How shells and make say that the kernel knows no way to run a file; dash then reads the file as a script. */
const REFUSALS: readonly RegExp[] = [
  /(?:^|\s)(?<program>[^\s:]+): (?:cannot execute binary file: )?Exec format error$/,
  /(?:^|\s)(?<program>[^\s:]+): (?:cannot execute: )?required file not found$/,
  /^(?<program>[^\s:]+): 1: .?ELF/,
];

/**
 * Tells of a failed build whether it ran a program that it had built: a helper that a module compiles with the kernel's
 * compiler, and which is for the kernel's architecture then.
 *
 * @param text the build's log
 * @returns the reason; undefined when nothing in the log says so
 */
export function foreignProgram(text: string, { builder, architecture }: Cross): string | undefined {
  for (const line of linesOf(text)) {
    for (const pattern of REFUSALS) {
      const program = pattern.exec(line)?.groups?.['program'];
      if (program !== undefined) {
        return `a program built for ${architecture} can't run on this ${builder} machine: ${program.slice(0, 200)}`;
      }
    }
  }
  return undefined;
}
