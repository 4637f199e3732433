import * as path from 'node:path';

/** Where roots, logs and Lockstep's state lie. */
export const OUT = path.join(import.meta.dirname, '../../out/parity');
