import { z } from 'zod';

export const packageName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9+.-]+$/, 'is not a Debian package name (Policy 5.6.1)');
export const suiteName = z.string().regex(/^[a-z0-9][a-z0-9./-]*$/, 'is not a suite name');
export const componentName = z.string().regex(/^[a-z0-9][a-z0-9/-]*$/, 'is not a component name');
export const architectureName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'is not an architecture name');

/** A name that becomes a folder below `dists`. */
export const publishedName = z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'is not a suite name');
