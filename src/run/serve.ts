export { serveRepository } from '../publisher/serve.ts';
