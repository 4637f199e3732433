import { writeDeb } from '../deb-tree.ts';
import { CONTENT } from './content.ts';

// usage: node write-child.ts FOLDER UMASK
const [, , folder = '', umask = ''] = process.argv;
process.umask(Number.parseInt(umask, 8));
await writeDeb(folder, CONTENT);
