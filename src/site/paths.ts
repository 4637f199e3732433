import { sha256 } from '../core/hash.ts';
import type { SiteKernel } from './data.ts';

/** Everything below it is the site's own. */
export const TOP = 'status/';

const MAX_PART = 120;

/** Names that need no encoding. */
const PLAIN = /^[A-Za-z0-9+_~-][A-Za-z0-9.+_~-]*$/;

/**
 * A name as one folder's or file's: letters, digits and `+ - . _ ~` stand for themselves, so that an address needs no
 * further encoding; other bytes become `=XX`, and a long name ends in its hash. Different names give different parts, and
 * none begins with a dot.
 */
export function part(name: string): string {
  if (name.length <= MAX_PART && PLAIN.test(name)) {
    return name;
  }
  const encoded = [...Buffer.from(name, 'utf8')]
    .map((byte, index) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9+_~-]/.test(character) || (character === '.' && index > 0)
        ? character
        : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
  if (encoded === '') {
    return '=';
  }
  return encoded.length <= MAX_PART
    ? encoded
    : `${encoded.slice(0, MAX_PART - 34)}==${sha256(name).slice(0, 32)}`;
}

/** Where each page lies, relative to the repository's root. Numbered pages: the first is the index. */
export const paths = {
  front: 'index.html',
  overview: `${TOP}index.html`,
  style: `${TOP}style.css`,
  script: `${TOP}script.js`,
  icon: `${TOP}icon.svg`,
  feed: `${TOP}feed.xml`,
  lag: `${TOP}lag.html`,
  modules: `${TOP}modules.html`,
  statusJson: `${TOP}status.json`,
  readyJson: `${TOP}ready.json`,
  metrics: `${TOP}metrics.txt`,
  kernels: (number = 1) => `${TOP}kernels/${page(number)}`,
  kernel: (kernel: Pick<SiteKernel, 'release' | 'architecture'>, number = 1) =>
    `${kernelFolder(kernel)}${page(number)}`,
  kernelJson: (kernel: Pick<SiteKernel, 'release' | 'architecture'>) =>
    `${kernelFolder(kernel)}status.json`,
  module: (name: string, number = 1) => `${moduleFolder(name)}${page(number)}`,
  moduleJson: (name: string) => `${moduleFolder(name)}status.json`,
  moduleFeed: (name: string) => `${moduleFolder(name)}feed.xml`,
  badge: (name: string, suite?: string) =>
    `${moduleFolder(name)}badge${suite === undefined ? '' : `-${part(suite)}`}.svg`,
  matrix: (suite: string, architecture: string) => `${matrixFolder(suite, architecture)}index.html`,
  line: (
    suite: string,
    { architecture, flavour, source }: Pick<SiteKernel, 'architecture' | 'flavour' | 'source'>,
    number: number,
  ) => `${matrixFolder(suite, architecture)}${part(flavour)}--${part(source)}/${number}.html`,
  log: (key: string) => `${TOP}log/${part(key.slice(0, 2))}/${part(key)}.html`,
  logText: (key: string) => `${TOP}log/${part(key.slice(0, 2))}/${part(key)}.txt`,
} as const;

function page(number: number): string {
  return number === 1 ? 'index.html' : `${number}.html`;
}

function moduleFolder(name: string): string {
  return `${TOP}module/${part(name)}/`;
}

function kernelFolder({
  architecture,
  release,
}: Pick<SiteKernel, 'release' | 'architecture'>): string {
  return `${TOP}kernel/${part(architecture)}/${part(release)}/`;
}

function matrixFolder(suite: string, architecture: string): string {
  return `${TOP}suite/${part(suite)}/${part(architecture)}/`;
}

/** The address of a file as a page at `from` writes it; both relative to the root. */
export function link(from: string, to: string): string {
  let shared = 0;
  for (let at = 0; at < from.length && from[at] === to[at]; at += 1) {
    if (from[at] === '/') {
      shared = at + 1;
    }
  }
  let up = '';
  for (let at = from.indexOf('/', shared); at !== -1; at = from.indexOf('/', at + 1)) {
    up += '../';
  }
  return up + to.slice(shared);
}

/** The fragment of a module on a kernel's page. */
export function moduleAnchor(module: string): string {
  return `m-${part(module)}`;
}

/** The fragment of a kernel in the index of kernels: what follows `#` is what `uname -r` prints, where it can be. */
export function kernelAnchor(release: string): string {
  return part(release);
}
