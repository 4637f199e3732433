import { z } from 'zod';
import { readFileOrUndefined, writeFileAtomic } from '../core/files.ts';
import type { ChannelName } from './deliver.ts';
import type { Notice } from './notices.ts';

/** A notice and the channels that have yet to hear of it. */
export interface Pending {
  notice: Notice;
  channels: ChannelName[];
  attempts: number;
}

const noticeSchema = z.object({
  type: z.enum(['failed', 'mended']),
  at: z.string(),
  module: z.string(),
  moduleVersion: z.string(),
  kernels: z.array(z.object({ suite: z.string(), release: z.string(), architecture: z.string() })),
  reason: z.string(),
  key: z.string().optional(),
  lines: z.array(z.string()),
});

const spoolSchema = z.object({
  format: z.literal(1),
  pending: z.array(
    z.object({
      notice: noticeSchema,
      channels: z.array(z.enum(['command', 'mail', 'webhook'])),
      attempts: z.number(),
    }),
  ),
});

/** Reads what is still to be told; a file that is damaged holds nothing worth an error. */
export async function readSpool(file: string): Promise<Pending[]> {
  const text = (await readFileOrUndefined(file))?.toString('utf8');
  if (text === undefined) {
    return [];
  }
  try {
    return spoolSchema.parse(JSON.parse(text)).pending;
  } catch {
    return [];
  }
}

export async function writeSpool(file: string, pending: readonly Pending[]): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify({ format: 1, pending }, undefined, 1)}\n`);
}
