/**
 * The soak: a watch through weeks of an archive's history, with kills, a flaky mirror and a disk that fills once.
 *
 *     npm run soak [-- SEED [STEPS [IDLE-LOOKS]]]
 *
 * As root. A seed gives the same history and the same troubles again; kills come at the same times, not at the same
 * system calls. Exit status: 0 when nothing is wrong at the end.
 */
import { soak } from './soak.ts';

const [seedText, stepsText = '30', looksText = '300'] = process.argv.slice(2);
const seed = seedText === undefined ? Math.floor(Math.random() * 1_000_000) : Number(seedText);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => controller.abort(new Error(`ended by ${name}`)));
}
say(`seed ${seed}`);
const { problems, figures } = await soak({
  seed,
  steps: Number(stepsText),
  idleLooks: Number(looksText),
  signal: controller.signal,
  tell: say,
});
for (const [name, figure] of Object.entries(figures)) {
  say(`  ${name.padEnd(40)} ${figure}`);
}
for (const problem of problems) {
  say(`WRONG: ${problem}`);
}
say(`seed ${seed}: ${problems.length === 0 ? 'all is well' : `${problems.length} wrong`}`);
process.exitCode = problems.length === 0 ? 0 : 1;
