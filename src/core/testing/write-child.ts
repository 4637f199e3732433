import { writeFileAtomic } from '../files.ts';

// usage: node write-child.ts FILE CONTENT
const [, , file = '', content = ''] = process.argv;
await writeFileAtomic(file, content.repeat(1000));
