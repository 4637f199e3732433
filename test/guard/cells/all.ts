import type { Cell } from '../cell.ts';
import { archiveCells } from './archives.ts';
import { damageCells } from './damage.ts';
import { dpkgCells } from './dpkg.ts';
import { kernelCells } from './kernels.ts';
import { nobodyCells } from './nobody.ts';
import { operationCells } from './operations.ts';
import { policyCells } from './policy.ts';
import { realCells } from './real.ts';
import { releaseCells } from './releases.ts';
import { severalCells } from './several.ts';

/** Every cell, in the table's order. */
export const CELLS: readonly Cell[] = [
  ...operationCells,
  ...severalCells,
  ...archiveCells,
  ...releaseCells,
  ...dpkgCells,
  ...kernelCells,
  ...policyCells,
  ...damageCells,
  ...nobodyCells,
  ...realCells,
];
