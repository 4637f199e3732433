import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { modulePackageName, packageVersion, trackingPackageName } from './versions.ts';

/** Which of some `left operator right` do not hold, as dpkg says. One shell asks for all. */
function wrong(claims: readonly (readonly [string, string, string])[]): string[] {
  const script = `while read -r a op b; do
    dpkg --compare-versions "$a" "$op" "$b" || echo "$a $op $b"
  done`;
  return execFileSync('sh', ['-c', script], {
    input: claims.map((claim) => `${claim.join(' ')}\n`).join(''),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  })
    .split('\n')
    .filter((line) => line !== '');
}

/**
 * Versions as Debian makes them, which is the domain of the promise: the kernel's version is appended with a `+`, so a
 * module's revision must not be continued by a letter (`1` → `1a`) or by `+` and a digit (`1` → `1+1`).
 */
const number = fc.nat(30).map(String);
const revision = fc
  .tuple(
    number,
    fc.constantFrom('', '', '.1', '.2'),
    fc.constantFrom('', '', '~bpo12+1', '~bpo12+2', '~deb13u1', '~exp1'),
    fc.constantFrom('', '', '+deb12u1', '+deb13u2', '+nmu1'),
  )
  .map((parts) => parts.join(''));
const upstream = fc
  .tuple(
    fc.array(number, { minLength: 1, maxLength: 3 }).map((numbers) => numbers.join('.')),
    fc.constantFrom('', '', '~rc1', '+dfsg', '+git20241121', 'a', '-beta'),
  )
  .map((parts) => parts.join(''));
const moduleVersion = fc
  .tuple(fc.constantFrom('', '', '1:', '2:'), upstream, fc.option(revision))
  .filter(([, up, rev]) => rev !== null || !up.includes('-'))
  .map(([epoch, up, rev]) => `${epoch}${up}${rev === null ? '' : `-${rev}`}`);
const kernelVersion = fc
  .tuple(
    fc.constantFrom('5.10', '6.1', '6.12', '7.2'),
    fc.constantFrom('', '.9', '.10', '.117', '~rc7'),
    fc.constantFrom('1', '2', '10', '1.1', '1~bpo12+1', '1~exp1', '1+deb13u1'),
  )
  .map(([base, patch, rev]) => `${base}${patch}-${rev}`);

/** `lt`, `eq` or `gt`, as dpkg orders two lists of versions pairwise. */
function ordersOf(pairs: readonly (readonly [string, string])[]): string[] {
  const script = `while read -r a b; do
    if dpkg --compare-versions "$a" lt "$b"; then echo lt
    elif dpkg --compare-versions "$a" eq "$b"; then echo eq
    else echo gt; fi
  done`;
  return execFileSync('sh', ['-c', script], {
    input: pairs.map((pair) => `${pair.join(' ')}\n`).join(''),
    encoding: 'utf8',
  })
    .trim()
    .split('\n');
}

describe('the version of a package', () => {
  test.each([
    ['0.15.0-2', '6.12.117-1', 0, '0.15.0-2+6.12.117+1'],
    ['1:2.3.2-2', '6.1.176-1', 3, '1:2.3.2-2+6.1.176+1+b3'],
    ['1.0', '6.12.117-1', 0, '1.0-0+6.12.117+1'],
    ['1.0-1', '6.12', 0, '1.0-1+6.12'],
  ])('%s for %s, rebuild %d, is %s', (module, kernel, rebuild, expected) => {
    expect(packageVersion(module, kernel, rebuild)).toBe(expected);
  });

  test('rises with the module’s, whatever the kernels', () => {
    const samples = fc.sample(
      fc.tuple(moduleVersion, moduleVersion, kernelVersion, kernelVersion),
      300,
    );
    const orders = ordersOf(samples.map(([a, b]) => [a, b]));
    const claims = samples.flatMap(([a, b, k, l], index): [string, string, string][] => {
      const order = orders[index] ?? '';
      return order === 'eq' ? [] : [[packageVersion(a, k, 1), order, packageVersion(b, l)]];
    });
    expect(claims.length).toBeGreaterThan(200);
    expect(wrong(claims)).toEqual([]);
  });

  test('rises with the kernel’s, for the same module', () => {
    const samples = fc.sample(fc.tuple(kernelVersion, kernelVersion, moduleVersion), 300);
    const orders = ordersOf(samples.map(([a, b]) => [a, b]));
    const claims = samples.map(([a, b, module], index): [string, string, string] => [
      packageVersion(module, a),
      orders[index] ?? '',
      packageVersion(module, b),
    ]);
    expect(wrong(claims)).toEqual([]);
  });

  test('rises with each rebuild, and not beyond the next kernel or module', () => {
    const claims = fc
      .sample(fc.tuple(moduleVersion, kernelVersion), 40)
      .flatMap(([module, kernel]): [string, string, string][] => [
        [packageVersion(module, kernel), 'lt', packageVersion(module, kernel, 1)],
        [packageVersion(module, kernel, 9), 'lt', packageVersion(module, kernel, 10)],
        [packageVersion(module, '6.12.117-1', 99), 'lt', packageVersion(module, '6.12.117-1.1')],
        [packageVersion(module, '6.12.117-1', 99), 'lt', packageVersion(module, '6.12.117-2')],
      ]);
    expect(wrong(claims)).toEqual([]);
  });

  test('is one that dpkg takes', () => {
    for (const version of fc.sample(fc.tuple(moduleVersion, kernelVersion), 20)) {
      const validated = execFileSync('dpkg', ['--validate-version', packageVersion(...version, 2)]);
      expect(String(validated)).toBe('');
    }
  });
});

test('names are what apt and people expect', () => {
  const name = modulePackageName('v4l2loopback', '6.12.117+deb13-amd64');
  expect(name).toBe('v4l2loopback-modules-6.12.117+deb13-amd64');
  expect(trackingPackageName('v4l2loopback', 'cloud-amd64')).toBe(
    'v4l2loopback-modules-cloud-amd64',
  );
  expect(String(execFileSync('dpkg', ['--validate-pkgname', name]))).toBe('');
});
