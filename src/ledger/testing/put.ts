import * as fs from 'node:fs/promises';
import type { BuildRecord } from '../../model/records.ts';
import type { Ledger } from '../ledger.ts';

/** Keeps a record with a module, a log and a copyright file that have a text in them; the log comes from beside the ledger. */
export async function putRecord(
  ledger: Ledger,
  record: BuildRecord,
  text = record.reason,
): Promise<void> {
  const log = `${ledger.directory}.log`;
  await fs.writeFile(log, `log of ${text}\n`);
  await ledger.put(record, {
    modules: [{ name: 'demo.ko', content: Buffer.from(text) }],
    log,
    copyright: Buffer.from(`copyright of ${text}`),
  });
}
