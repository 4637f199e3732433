import * as fs from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { lockstepErrorOf } from '../core/testing/errors.ts';
import { useScratch } from '../core/testing/scratch.ts';
import { writeRecipeLayer } from '../programs/recipe.ts';
import { addPrograms, makeTinyRoot } from '../programs/testing/tiny-root.ts';
import { dkmsEnvironment, evaluateDkmsConf, findSourceFolder } from './evaluate.ts';

const at = useScratch('evaluate');
const GOOD = 'PACKAGE_NAME=demo\nPACKAGE_VERSION=2.0\nBUILT_MODULE_NAME=demo\n';
const RELEASE = '6.12.117+deb13-amd64';
let counter = 0;

beforeAll(async () => {
  await makeTinyRoot(at('root'));
  await addPrograms(at('root'), ['/bin/bash', '/bin/sed', '/bin/grep']);
  await fs.mkdir(at('root', `lib/modules/${RELEASE}/build`), { recursive: true });
  await fs.writeFile(at('root', `lib/modules/${RELEASE}/build/.config`), 'CONFIG_ACPI=y\n');
  await fs.mkdir(at('recipe'));
  await writeRecipeLayer(at('recipe'));
});

async function evaluate(conf: string, signal?: AbortSignal) {
  counter += 1;
  const source = at(`module-${counter}`, 'usr/src/demo-2.0');
  await fs.mkdir(source, { recursive: true });
  await fs.writeFile(`${source}/dkms.conf`, conf);
  const folder = await findSourceFolder(at(`module-${counter}`));
  return evaluateDkmsConf({
    folder: at(`box-${counter}`),
    layers: [at('recipe'), at(`module-${counter}`), at('root')],
    source: folder,
    env: dkmsEnvironment(folder, RELEASE, 'x86_64'),
    limits: { seconds: 3, outputBytes: 100_000, fileBytes: 1, processes: 200 },
    log: at(`log-${counter}`),
    signal,
  });
}

describe('a dkms.conf in the sandbox', () => {
  test('is read with the variables that dkms(8) names', async () => {
    const conf = await evaluate(
      `${GOOD}MAKE='make K=\${kernelver} A=$arch S=$kernel_source_dir $module/$module_version'\nBUILD_EXCLUSIVE_CONFIG=CONFIG_RT\n`,
    );
    expect(conf).toMatchObject({
      name: 'demo',
      version: '2.0',
      make: `make K=${RELEASE} A=x86_64 S=/lib/modules/${RELEASE}/build demo/2.0`,
      excluded: 'the kernel lacks CONFIG_RT',
    });
  });

  test('sees no more of this machine than a build does', async () => {
    const conf = await evaluate(
      `${GOOD}MAKE="$(id -u) $(hostname) $(uname -r) $(uname -m) \${HOME} \${USER-none} $(ls /proc | grep -c '^[0-9]*$')"\n`,
    );
    const [id, host, release, machine, home, user, processes] = conf.make.split(' ');
    expect([id, host, release, machine, home, user]).toEqual([
      ...['1000', 'lockstep', RELEASE, 'x86_64', '/tmp', 'none'],
    ]);
    expect(Number(processes)).toBeLessThan(10);
  });

  test.each<[string, string, RegExp]>([
    ['never ends', 'while :; do :; done\n', /not evaluated after 3 s/],
    ['prints without end', 'yes >&2\n', /prints more than 100000 bytes/],
    ['exits', 'exit 0\n', /can't be evaluated \(status 1\)/],
    ['kills everything', 'kill -9 -1\n', /can't be evaluated/],
    ['says too much', `${GOOD}head -c 2000000 /dev/zero >>/out/evaluation\n`, /1 MiB/],
    ['leaves a link', 'ln -s /etc/passwd /out/evaluation\n', /status|1 MiB|evaluated/],
    ['leaves a pipe', 'mkfifo /out/evaluation; exit 0\n', /status 1/],
    [
      'leaves a folder as its answer',
      `${GOOD}rm -f /out/evaluation; mkdir /out/evaluation\n`,
      /status 1/,
    ],
  ])('that %s is an error for its maintainer', async (_name, text, message) => {
    const error = await lockstepErrorOf(() => evaluate(text));
    expect(error).toMatchObject({ code: 'DKMS_CONF_INVALID', exitCode: 1 });
    expect(error.message).toMatch(message);
    expect(error.hint).toBeTypeOf('string');
  });

  test('knows the module by the name and version that it gives itself, as DKMS does', async () => {
    const text = 'PACKAGE_NAME=adv-17v35x\nPACKAGE_VERSION=5.0-1\nBUILT_MODULE_NAME[0]=x\n';
    const conf = await evaluate(text);
    expect(conf.make).toContain('M=/var/lib/dkms/adv-17v35x/5.0-1/build');
    const placeholder = text.replace('5.0-1', '"@VERSION@"');
    expect(await evaluate(`${placeholder}MAKE[0]="make $module_version"\n`)).toMatchObject({
      make: 'make 2.0',
    });
  });

  test('has its obsolete directives named in the log', async () => {
    await evaluate(`${GOOD}CLEAN="make clean"\nMODULES_CONF[0]="alias x y"\n`);
    const log = await fs.readFile(at(`log-${counter}`), 'utf8');
    expect(log.split('\n').filter((line) => line.startsWith('lockstep:'))).toEqual([
      'lockstep: warning: dkms.conf: CLEAN is obsolete',
      'lockstep: warning: dkms.conf: MODULES_CONF is obsolete',
    ]);
  });

  test('is interrupted', async () => {
    const controller = new AbortController();
    const running = lockstepErrorOf(() => evaluate('sleep 100\n', controller.signal));
    setTimeout(() => controller.abort(), 300);
    expect(await running).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
  });
});

describe('the source folder of a package', () => {
  const make = async (name: string, ...files: string[]): Promise<string> => {
    for (const file of files) {
      await fs.mkdir(at(name, 'usr/src', file), { recursive: true });
      await fs.writeFile(at(name, 'usr/src', file, 'dkms.conf'), '');
    }
    return at(name);
  };

  test('is the one with a dkms.conf', async () => {
    const root = await make('one', 'demo-1.0');
    await fs.mkdir(at('one/usr/src/other'));
    expect(await findSourceFolder(root)).toEqual({
      name: 'demo-1.0',
      path: at('one/usr/src/demo-1.0'),
    });
  });

  test('must be one, and no link', async () => {
    await fs.mkdir(at('none'));
    const none = await lockstepErrorOf(() => findSourceFolder(at('none')));
    expect(none.message).toContain('no folder');
    const two = await make('two', 'a-1', 'b-1');
    expect((await lockstepErrorOf(() => findSourceFolder(two))).message).toContain('2 folders');
    const linked = await make('linked', 'real-1');
    await fs.rename(at('linked/usr/src/real-1'), at('linked/elsewhere'));
    await fs.symlink(at('linked/elsewhere'), at('linked/usr/src/real-1'));
    await fs.mkdir(at('linked/usr/src/b-1'));
    await fs.symlink('/etc/passwd', at('linked/usr/src/b-1/dkms.conf'));
    expect((await lockstepErrorOf(() => findSourceFolder(linked))).code).toBe('DKMS_CONF_INVALID');
  });
});

test('the environment is the same whoever asks', () => {
  const environment = dkmsEnvironment({ name: 'a-b-1.2', path: '/x' }, '6.1-amd64', 'x86_64');
  expect(environment).toMatchObject({ module: 'a-b', module_version: '1.2', TZ: 'UTC' });
  expect(JSON.stringify(environment)).not.toContain('"/x"');
});
