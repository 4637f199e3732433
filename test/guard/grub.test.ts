import { describe, expect, test } from 'vitest';
import { slow } from '../support/tier.ts';
import { A, B, type Case, CUSTOM_FIRST, FLAT, OLD, SUBMENU, XEN } from './grub-cases.ts';
import { type GrubRoot, grubRoot } from './grub-root.ts';

interface Result {
  name: string;
  boots: string | undefined;
  saves: string | undefined;
  told: string | undefined;
}

/** What GRUB does, and what the guard says of it. */
async function tried(grub: GrubRoot, cases: readonly Case[]): Promise<Result[]> {
  const made = await grub.configure(cases);
  const outcomes = await grub.boot(
    cases.map(({ env = {} }, at) => ({ cfg: made[at]?.cfg ?? '', env })),
  );
  return cases.map(({ name }, at) => ({
    name,
    boots: outcomes[at]?.boots,
    saves: outcomes[at]?.saves,
    told: made[at]?.told,
  }));
}

function meant(cases: readonly Case[]): Result[] {
  return cases.map(({ name, boots, saves }) => ({
    name,
    boots: boots === 'windows' ? '/windows' : `/boot/vmlinuz-${boots}`,
    saves,
    told: boots === 'windows' ? '' : boots,
  }));
}

describe.each(slow ? ['bookworm', 'trixie', 'sid'] : ['trixie'])(
  'GRUB of %s, while the newest kernel lacks a module',
  (codename) => {
    test('starts the newest kernel that has it, unless another system or entry is wanted', async () => {
      await using grub = await grubRoot(codename);
      await grub.kernel(OLD, ['example']);
      await grub.kernel(A, ['example']);
      await grub.kernel(B);
      const untouched = [{ name: 'untouched', boots: B }];
      expect(await tried(grub, untouched)).toEqual(meant(untouched));
      await grub.want('example');
      await grub.root.must(['lockstep-guard', 'refresh']);
      const cases = [...SUBMENU, ...FLAT].filter((one) => slow || one.quick === true);
      const results = await tried(grub, cases);
      if (slow) {
        for (const release of [OLD, A, B]) {
          await grub.root.writeFile(`/boot/config-${release}`, 'CONFIG_XEN_PRIVILEGED_GUEST=y\n');
        }
        await grub.root.writeFile('/boot/xen-4.20-amd64.gz', '');
        await grub.configure([{}]);
        results.push(...(await tried(grub, XEN)));
        await grub.root.must(['rm', '/boot/xen-4.20-amd64.gz']);
        await grub.root.must(['cp', '/etc/grub.d/30_os-prober', '/etc/grub.d/09_first']);
        await grub.configure([{}]);
        results.push(...(await tried(grub, CUSTOM_FIRST)));
        cases.push(...XEN, ...CUSTOM_FIRST);
      }
      expect(results).toEqual(meant(cases));
    }, 600_000);
  },
);

test.runIf(slow)('a state that is damaged does not make update-grub fail', async () => {
  await using grub = await grubRoot('trixie');
  await grub.kernel(A, ['example']);
  await grub.kernel(B);
  await grub.want('example');
  await grub.configure([{}]);
  await grub.root.must(['lockstep-guard', 'refresh']);
  const state = '/var/lib/lockstep-guard/boot';
  for (const damage of [
    '',
    "default '; reboot; '\n",
    'default\navoid\n',
    `default 1.2.3\navoid ${B}\n`,
  ]) {
    await grub.root.writeFile(state, damage);
    const [made] = await grub.configure([{}]);
    expect(made?.cfg).toContain(B);
    expect(made?.cfg).not.toContain('; reboot;');
    expect(made?.cfg).not.toContain('lockstep_guard_good');
  }
  await grub.root.must(['rm', '-r', '/usr/share/lockstep-guard']);
  await grub.root.must(['update-grub']);
  expect(await grub.root.readFile('/boot/grub/grub.cfg')).not.toContain('lockstep-guard:');
});
