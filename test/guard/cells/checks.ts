import type { Cell } from '../cell.ts';
import type { Machine } from '../machine.ts';

/** Whether the guard finds nothing to say. */
export async function isQuiet(machine: Machine): Promise<string[]> {
  const { exitCode, stdout } = await machine.run(['lockstep-guard', 'status']);
  return exitCode === 0 ? [] : [`status ${exitCode}: ${stdout}`];
}

/** Whether the guard's status has the code that it should have. */
export function hasStatus(code: number): NonNullable<Cell['check']> {
  return async (machine) => {
    const { exitCode, stdout, stderr } = await machine.run(['lockstep-guard', 'status']);
    return exitCode === code ? [] : [`status ends with ${exitCode}: ${stdout}${stderr}`];
  };
}
