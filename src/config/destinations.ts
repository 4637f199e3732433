import { z } from 'zod';
import { RSYNC_DESTINATION } from '../programs/rsync.ts';

/** Where the repository goes besides its folder. */
export const destination = z.strictObject({
  rsync: z
    .string()
    .max(500)
    .regex(
      RSYNC_DESTINATION,
      'must be an absolute path or [user@]host:/path, of letters, digits and . _ + ~ -',
    )
    .describe(
      'Folder that the repository is copied to by rsync: `[user@]host:/path` over ssh, or `/path`',
    ),
  sshConfig: z
    .string()
    .min(1)
    .regex(/^[^'"\n]+$/, 'must be a path without quotation marks')
    .optional()
    .describe(
      "File in the form of ssh_config(5), in the place of the user's own; relative to this file",
    ),
});

export type DestinationConfig = z.output<typeof destination>;
