import type { PackageRef } from './packages.ts';

/** What every module source has. */
interface SourceIdentity {
  /** Hex SHA-256 of all that a build begins with: of the `.deb`, or of the tree that is built. */
  sha256: string;
  /** `all`, or the one architecture that it is for. */
  architecture: string;
  /** Bytes, of the `.deb` or of the tree's files. */
  size: number;
}

/** A DKMS package of an archive. */
export interface PackageSource extends PackageRef {
  kind: 'package';
}

/** A folder of this machine. */
export interface DirectorySource extends SourceIdentity {
  kind: 'directory';
  path: string;
}

export interface TarballSource extends SourceIdentity {
  kind: 'tarball';
  /** Where it was got from: a path or an address. */
  uri: string;
  /** Hex SHA-256 of the file itself. */
  fileSha256: string;
}

export interface GitSource extends SourceIdentity {
  kind: 'git';
  url: string;
  /** Undefined when the configuration names a commit. */
  tag: string | undefined;
  commit: string;
}

export type ModuleSource = PackageSource | DirectorySource | TarballSource | GitSource;
export type SourceKind = ModuleSource['kind'];

/** A module that a plain source builds. */
export interface BuiltEntry {
  /** Without `.ko`. */
  name: string;
  /** Folder of the source in which it is after the build. */
  location?: string | undefined;
  /** Name under which it is installed, without `.ko`. */
  installed?: string | undefined;
}

/** Where a source is got from. */
export type SourceOrigin =
  | { kind: 'directory'; path: string }
  /** `uri`: an absolute path, or an address of http or https. `sha256`: of the file, in hex. */
  | { kind: 'tarball'; uri: string; sha256: string }
  | { kind: 'git'; url: string; tag: string | undefined; commit: string | undefined };

/** A source other than a package, as a configuration asks for it. */
export interface SourceRequest {
  /** The module's name. */
  name: string;
  origin: SourceOrigin;
  version: string | undefined;
  /** Path of the module's folder in the source; the source itself when undefined. */
  folder: string | undefined;
  /** Command that builds a plain source; kbuild's when undefined. */
  make: string | undefined;
  /** The modules of a plain source; undefined when its dkms.conf names them. */
  built: readonly BuiltEntry[] | undefined;
}

/** What a module's source is called in packages and messages: nothing in it depends on this machine's folders. */
export function sourceLabel(source: ModuleSource): string {
  switch (source.kind) {
    case 'package':
      return `${source.name} ${source.version}`;
    case 'directory':
      return `a source folder (SHA-256 of its tree ${source.sha256.slice(0, 16)})`;
    case 'tarball':
      return `a tarball (SHA-256 ${source.fileSha256})`;
    case 'git':
      return `${source.url} (${source.tag === undefined ? '' : `tag ${source.tag}, `}commit ${source.commit})`;
  }
}
