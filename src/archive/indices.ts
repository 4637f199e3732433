/** One `Packages` file of the private root. */
export interface IndexFile {
  /** Absolute path, compressed as apt keeps it. */
  file: string;
  /** Base address of the repository; `Filename` fields are relative to it. */
  base: string;
  suite: string;
  codename: string;
  component: string;
  architecture: string;
}

/** Reads `apt-get indextargets` lines of tab-separated FILENAME, REPO_URI, RELEASE, CODENAME, COMPONENT, ARCHITECTURE. */
export function indexFilesOf(text: string): IndexFile[] {
  return text.split('\n').flatMap((line) => {
    const [file, base, suite, codename, component, architecture] = line.split('\t');
    if (!file || !base || !suite || codename === undefined || !component || !architecture) {
      return [];
    }
    return [{ file, base, suite, codename, component, architecture }];
  });
}

/** An index whose bytes stay as they are, also while another process refreshes the archive. */
export interface StoredIndex extends IndexFile {
  /** Identity of the decompressed bytes: from the hashes of the Release file that apt verified. */
  content: string;
}

/** An index among apt's lists. */
export interface IndexTarget extends IndexFile {
  /** Its name in the Release file: `main/binary-amd64/Packages`. */
  key: string;
}
