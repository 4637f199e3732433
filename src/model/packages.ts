/** A `.deb` that a signed index names. */
export interface DebRef {
  name: string;
  version: string;
  architecture: string;
  /** Hex SHA-256 of the `.deb`: its identity everywhere in Lockstep. */
  sha256: string;
  /** Size of the `.deb` in bytes. */
  size: number;
  /** Address to fetch it from. */
  uri: string;
}

/** A binary package together with the source it was built from. */
export interface PackageRef extends DebRef {
  source: string;
  sourceVersion: string;
}

/** A source package of a repository. */
export interface SourcePackageRef {
  name: string;
  version: string;
}
