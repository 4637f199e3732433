import { expect, test } from 'vitest';
import { destination } from './destinations.ts';

test.each([
  'mirror:/srv/repo',
  'repo@mirror.example.org:/srv/www/a+b~c_1/repo/',
  'repo@[2001:db8::1]:/srv/repo',
  '/mnt/web/repo',
])('%s is a place to copy to', (rsync) => {
  expect(destination.safeParse({ rsync }).success).toBe(true);
});

test.each([
  '',
  '/',
  'mirror:/',
  'mirror:srv/repo',
  'mirror::module/path',
  'rsync://mirror/module',
  '-e sh:/srv/repo',
  '-oProxyCommand=sh:/srv/repo',
  'a@-oProxyCommand=sh:/srv/repo',
  '-l@mirror:/srv/repo',
  'mirror:/srv/$(id)',
  'mirror:/srv/a b',
  'mirror:/srv/../etc',
  'mirror:/srv/..',
  '/srv/./repo',
  '/srv//repo',
  "mirror:/srv/'x",
  'mirror:/srv/repo\nx',
  'relative/path',
])('%j is none', (rsync) => {
  expect(destination.safeParse({ rsync }).success).toBe(false);
});

test.each(["a'b", 'a"b', ''])('%j is no path of a configuration for ssh', (sshConfig) => {
  expect(destination.safeParse({ rsync: 'mirror:/srv/repo', sshConfig }).success).toBe(false);
});
