import { Ledger } from '../ledger.ts';
import { makeRecord } from './records.ts';

// usage: node put-child.ts LEDGER LOG
// Puts a second build in place of the first one.
const [, , directory = '', log = ''] = process.argv;
using ledger = await Ledger.open(directory);
await ledger.put(makeRecord('demo', { reason: 'second', attempts: 2 }), {
  modules: [{ name: 'demo.ko', content: Buffer.from('second') }],
  log,
  copyright: Buffer.from('second'),
});
