import type { Cell } from '../cell.ts';
import { operationCells } from './operations.ts';

/** Every cell, in the table's order. */
export const CELLS: readonly Cell[] = [...operationCells];
