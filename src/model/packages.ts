/** One binary package of an archive, as its signed index names it. */
export interface PackageRef {
  name: string;
  version: string;
  architecture: string;
  /** Source package, and its version where the two differ from the binary's. */
  source: string;
  sourceVersion: string;
  /** Hex SHA-256 of the `.deb`: its identity everywhere in Lockstep. */
  sha256: string;
  /** Size of the `.deb` in bytes. */
  size: number;
  /** Address to fetch it from. */
  uri: string;
}
