import * as path from 'node:path';

/** One measured thing: what it is, and its figure beside the reference's. */
export interface Ratio {
  name: string;
  ours: number;
  reference: number;
  unit: string;
}

export const ROOT = path.join(import.meta.dirname, '..');

/** Prints ratios as a table; figures are of this very call, and machines are noisy: only ratios tell. */
export function printRatios(title: string, referenceName: string, ratios: readonly Ratio[]): void {
  process.stdout.write(`\n${title} (reference: ${referenceName})\n`);
  for (const { name, ours, reference, unit } of ratios) {
    const ratio = reference === 0 ? 'no reference' : `${(ours / reference).toFixed(3)}×`;
    process.stdout.write(
      `  ${name.padEnd(44)} ${ours.toFixed(2).padStart(10)} ${unit.padEnd(3)} against ${reference.toFixed(2).padStart(10)} ${unit.padEnd(3)}  ${ratio}\n`,
    );
  }
}

/** Wall seconds of an action. */
export async function timed<Result>(
  action: () => Promise<Result>,
): Promise<{ seconds: number; result: Result }> {
  const began = performance.now();
  const result = await action();
  return { seconds: (performance.now() - began) / 1000, result };
}
