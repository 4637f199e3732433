import { readFileSync } from 'node:fs';
import { runSandbox, type SandboxRequest } from '../sandbox.ts';

// usage: node sandbox-child.ts <REQUEST.json
// Runs one sandbox and prints its result, or the error it ended with, as JSON.
const request: unknown = JSON.parse(readFileSync(0, 'utf8'));
const isRequest = (value: unknown): value is SandboxRequest =>
  typeof value === 'object' && value !== null && 'layers' in value;
if (!isRequest(request)) {
  throw new Error('not a request');
}
const answer = await runSandbox(request).catch((error: unknown) => ({ error: String(error) }));
process.stdout.write(JSON.stringify(answer));
