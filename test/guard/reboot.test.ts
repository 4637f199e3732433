import { describe, expect, test } from 'vitest';
import { slow } from '../support/tier.ts';
import { grubRoot } from './grub-root.ts';

const A = '6.12.117+deb13-amd64';

describe.runIf(slow)('those who reboot', () => {
  test.each(['bookworm', 'trixie'])(
    'hear of it in %s: molly-guard, needrestart, systemd',
    async (codename) => {
      await using grub = await grubRoot(codename);
      const { root } = grub;
      await root.must([
        ...['apt-get', 'install', '--yes', '--no-install-recommends'],
        ...['molly-guard', 'needrestart', 'systemd', 'systemd-sysv'],
      ]);
      await grub.want('example');
      await grub.kernel(A);
      await root.must(['lockstep-guard', 'refresh']);
      // No kernel has the module, and none of them runs here.
      const why = await root.readFile('/run/lockstep-guard/reboot');
      expect(why).toBe(`the next boot is into Linux ${A}, which lacks: example\n`);

      const ask = (...command: string[]): ReturnType<typeof root.run> =>
        root.run([...command, '--molly-guard-do-nothing']);
      for (const command of [['reboot'], ['shutdown', '-r', 'now'], ['shutdown', '--reboot']]) {
        const refused = await ask(...command);
        expect(refused.exitCode, command.join(' ')).toBe(1);
        expect(refused.stderr).toContain(why.trim());
      }
      for (const command of [['poweroff'], ['halt'], ['shutdown', '-h', 'now'], ['reboot', '-f']]) {
        expect(await ask(...command), command.join(' ')).toMatchObject({ exitCode: 0 });
      }

      const conf = '/etc/needrestart/conf.d/lockstep-guard.conf';
      await root.must(['perl', '-c', conf]);
      const hinted = await root.run(['needrestart', '-k', '-b']);
      expect(hinted.stderr).toContain('do not reboot yet');
      expect(hinted.exitCode, hinted.stdout + hinted.stderr).toBe(0);

      const units = ['service', 'timer'].map((kind) => `lockstep-guard.${kind}`);
      const verified = await root.run([
        ...['systemd-analyze', 'verify', '--man=no'],
        ...[...units, 'lockstep-guard-inhibit.service'],
      ]);
      expect(verified.stderr.split('\n').filter((text) => text.includes('lockstep'))).toEqual([]);

      await root.must(['lockstep-guard', 'allow', A]);
      expect((await ask('reboot')).exitCode).toBe(0);
      expect((await root.run(['needrestart', '-k', '-b'])).stderr).not.toContain('do not reboot');
    },
    600_000,
  );
});
