import { DEVICE_ID } from './grub-root.ts';

export const OLD = '6.12.90+deb13-amd64';
export const A = '6.12.117+deb13-amd64';
export const B = '6.12.118+deb13-amd64';
const WINDOWS = 'osprober-efi-ABCD-1234';
const ADVANCED = `gnulinux-advanced-${DEVICE_ID}`;

function entry(release: string, type = 'advanced'): string {
  return `gnulinux-${release}-${type}-${DEVICE_ID}`;
}

export interface Case {
  name: string;
  settings?: Record<string, string>;
  env?: Record<string, string>;
  boots: string;
  saves?: string;
  /** Tried in the first tier too. */
  quick?: boolean;
}

/** What is set, and the kernel that GRUB shall start while B, the newest, lacks a module. */
export const SUBMENU: Case[] = [
  { name: 'nothing set', boots: A },
  { name: 'the first entry', quick: true, settings: { GRUB_DEFAULT: '0' }, boots: A },
  { name: 'the submenu itself', settings: { GRUB_DEFAULT: '1' }, boots: A },
  { name: 'B by numbers', settings: { GRUB_DEFAULT: '1>0' }, boots: A },
  { name: "B's recovery by numbers", settings: { GRUB_DEFAULT: '1>1' }, boots: A },
  { name: 'A by numbers', settings: { GRUB_DEFAULT: '1>2' }, boots: A },
  { name: 'an older one by numbers', quick: true, settings: { GRUB_DEFAULT: '1>4' }, boots: OLD },
  { name: 'Windows by its number', quick: true, settings: { GRUB_DEFAULT: '2' }, boots: 'windows' },
  { name: 'Windows by its id', settings: { GRUB_DEFAULT: WINDOWS }, boots: 'windows' },
  { name: 'Debian by its title', settings: { GRUB_DEFAULT: 'Debian GNU/Linux' }, boots: A },
  {
    name: 'B by its title',
    settings: {
      GRUB_DEFAULT: `Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux ${B}`,
    },
    boots: A,
  },
  {
    name: 'an older one by its title',
    settings: {
      GRUB_DEFAULT: `Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux ${OLD}`,
    },
    boots: OLD,
  },
  {
    name: 'a title that is not found, which GRUB takes as the first entry',
    settings: { GRUB_DEFAULT: `Debian GNU/Linux, with Linux ${A}` },
    boots: A,
  },
  { name: 'nothing saved', settings: { GRUB_DEFAULT: 'saved' }, boots: A },
  ...[
    { name: 'B saved', quick: true, saved: `${ADVANCED}>${entry(B)}`, boots: A },
    { name: "B's recovery saved", saved: `${ADVANCED}>${entry(B, 'recovery')}`, boots: A },
    { name: 'A saved', saved: `${ADVANCED}>${entry(A)}`, boots: A },
    { name: 'an older one saved', saved: `${ADVANCED}>${entry(OLD)}`, boots: OLD },
    { name: 'Windows saved', saved: WINDOWS, boots: 'windows' },
    {
      name: 'a kernel saved that is gone',
      saved: `${ADVANCED}>${entry('6.1.0-9-amd64')}`,
      boots: A,
    },
  ].map(({ name, saved, boots, quick = false }) => ({
    name,
    quick,
    settings: { GRUB_DEFAULT: 'saved' },
    env: { saved_entry: saved },
    boots,
  })),
  { name: 'grub-reboot B', env: { next_entry: `${ADVANCED}>${entry(B)}` }, boots: B },
  {
    name: 'grub-reboot B with another one saved',
    quick: true,
    settings: { GRUB_DEFAULT: 'saved' },
    env: { saved_entry: WINDOWS, next_entry: `1>0` },
    boots: B,
  },
  {
    name: 'the last choice is remembered: not ours',
    settings: { GRUB_DEFAULT: 'saved', GRUB_SAVEDEFAULT: 'true' },
    env: { saved_entry: `${ADVANCED}>${entry(B)}` },
    boots: A,
  },
  {
    name: "the last choice is remembered: the administrator's",
    quick: true,
    settings: { GRUB_DEFAULT: 'saved', GRUB_SAVEDEFAULT: 'true' },
    env: { saved_entry: `${ADVANCED}>${entry(OLD)}` },
    boots: OLD,
    saves: `${ADVANCED}>${entry(OLD)}`,
  },
  {
    name: 'a name that needs quotes',
    quick: true,
    settings: {
      GRUB_DISTRIBUTOR: "Sam's > Box",
      GRUB_DEFAULT: `Advanced options for Sam's >> Box GNU/Linux>Sam's >> Box GNU/Linux, with Linux ${B}`,
    },
    boots: A,
  },
  {
    name: 'no recovery entries',
    settings: { GRUB_DISABLE_RECOVERY: 'true', GRUB_DEFAULT: '1>1' },
    boots: A,
  },
];

export const FLAT: Case[] = [
  { name: 'nothing set', boots: A },
  { name: "B's recovery by its number", settings: { GRUB_DEFAULT: '1' }, boots: A },
  { name: 'an older one by its number', settings: { GRUB_DEFAULT: '4' }, boots: OLD },
  { name: 'Windows by its number', settings: { GRUB_DEFAULT: '6' }, boots: 'windows' },
  {
    name: 'B by its title',
    settings: { GRUB_DEFAULT: `Debian GNU/Linux, with Linux ${B}` },
    boots: A,
  },
  { name: 'B by its id', quick: true, settings: { GRUB_DEFAULT: entry(B) }, boots: A },
  { name: 'an older one by its id', settings: { GRUB_DEFAULT: entry(OLD) }, boots: OLD },
  {
    name: 'a path, which is not found',
    settings: { GRUB_DEFAULT: `${ADVANCED}>${entry(A)}` },
    boots: A,
  },
  { name: 'grub-reboot B', env: { next_entry: entry(B) }, boots: B },
].map(({ name, settings = {}, env = {}, boots, quick = false }) => ({
  name: `without submenu: ${name}`,
  settings: Object.assign(settings, { GRUB_DISABLE_SUBMENU: 'y' }),
  env,
  boots,
  quick,
}));

/** Below the hypervisor of Xen, whose entries have a script and submenus of their own. */
export const XEN: Case[] = [
  { name: 'nothing set', boots: A },
  {
    name: 'Xen by its title',
    settings: { GRUB_DEFAULT: 'Debian GNU/Linux, with Xen hypervisor' },
    boots: A,
  },
  { name: 'Xen by its number', settings: { GRUB_DEFAULT: '2' }, boots: A },
  { name: 'B below Xen by numbers', settings: { GRUB_DEFAULT: '3>0>0' }, boots: A },
  { name: 'an older one below Xen by numbers', settings: { GRUB_DEFAULT: '3>0>4' }, boots: OLD },
  {
    name: 'an older one below Xen by its id',
    settings: {
      GRUB_DEFAULT: `3>xen-hypervisor-4.20-amd64-${DEVICE_ID}>xen-${entry(OLD)}`,
    },
    boots: OLD,
  },
  { name: 'Windows by its number', settings: { GRUB_DEFAULT: '4' }, boots: 'windows' },
];

/** With an entry of the administrator's before Linux's. */
export const CUSTOM_FIRST: Case[] = [
  { name: 'the first entry', boots: 'windows' },
  { name: 'Debian by its number', settings: { GRUB_DEFAULT: '1' }, boots: A },
  { name: 'an older one by numbers', settings: { GRUB_DEFAULT: '2>4' }, boots: OLD },
];
