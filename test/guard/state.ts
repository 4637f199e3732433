/** What a machine has at some time, as its own programs say. */
export interface State {
  /** By `name:architecture`. */
  packages: ReadonlyMap<string, { version: string; status: string }>;
  /** What dpkg says of packages that are not whole. */
  audit: string;
  /** Releases with an image in /boot. */
  kernels: readonly string[];
  /** `release module` for each module file that a package of modules has brought. */
  modules: ReadonlySet<string>;
  /** Modules that the machine wants, by flavour. */
  wanted: readonly { module: string; flavour: string }[];
  /** Names of metapackages of kernels that would be upgraded but for the guard's pins and the edge. */
  pending: readonly string[];
  /** Files that the guard may have made outside its package. */
  traces: readonly string[];
}

/** Prints all of it in sections. */
export const STATE_SCRIPT = `
echo '## packages'
dpkg-query -W -f '\${Package}:\${Architecture}\\t\${Version}\\t\${db:Status-Abbrev}\\n'
echo '## audit'
dpkg --audit
echo '## kernels'
ls /boot | sed -n 's/^vmlinuz-//p'
echo '## modules'
find /usr/lib/modules /lib/modules -path '*/updates/*.ko*' 2>/dev/null | sed -E 's,^(/usr)?/lib/modules/([^/]+)/.*/([^/]+)\\.ko.*$,\\2 \\3,' | sort -u
echo '## wanted'
for file in /usr/share/lockstep-guard/wanted/*; do
  [ -e "$file" ] || continue
  sed -n 's/^Module: //p' "$file" | tr '\\n' ' '
  sed -n 's/^Flavour: //p' "$file"
done
echo '## pending'
mkdir -p /run/other-pins
for file in /etc/apt/preferences.d/*; do
  case $file in */lockstep-guard | *'*') ;; *) cp "$file" /run/other-pins/ ;; esac
done
dpkg-query -W -f '\${db:Status-Status} \${binary:Package} \${Version}\\n' 'linux-image-*' 2>/dev/null | while read -r status name version; do
  case $status:$name in installed:linux-image-[0-9]*) continue ;; installed:*) ;; *) continue ;; esac
  candidate=$(apt-cache -o Dir::Etc::PreferencesParts=/run/other-pins policy "$name" 2>/dev/null | sed -n 's/^  Candidate: //p')
  dpkg --compare-versions "\${candidate:-0}" gt "$version" && echo "$name" || :
done | sort -u
echo '## traces'
find /etc /run /var/lib/lockstep-guard /var/lib/systemd -name '*lockstep*' 2>/dev/null | sort
echo '## end'
`;

/** Reads what {@link STATE_SCRIPT} prints. */
export function parseState(text: string): State {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const name = /^## (?<name>\w+)$/.exec(line)?.groups?.['name'];
    if (name !== undefined) {
      lines = [];
      sections.set(name, lines);
    } else if (line !== '') {
      lines.push(line);
    }
  }
  if (!sections.has('end')) {
    throw new Error(`the machine's state breaks off: ${text.slice(-300)}`);
  }
  const section = (name: string): string[] => sections.get(name) ?? [];
  return {
    packages: new Map(
      section('packages').map((line) => {
        const [name = '', version = '', status = ''] = line.split('\t');
        return [name, { version, status: status.trim() }];
      }),
    ),
    audit: section('audit').join('\n'),
    kernels: section('kernels'),
    modules: new Set(section('modules')),
    wanted: section('wanted').map((line) => {
      const [module = '', flavour = ''] = line.split(' ');
      return { module, flavour };
    }),
    pending: section('pending'),
    traces: section('traces'),
  };
}

/** Whether two states differ in their packages. */
export function samePackages(a: State, b: State): boolean {
  const text = (state: State): string =>
    JSON.stringify([...state.packages].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  return text(a) === text(b);
}

/** The names of packages that are installed and whole, without their architecture. */
export function installed(state: State): Set<string> {
  return new Set(
    [...state.packages]
      .filter(([, { status }]) => status === 'ii' || status === 'hi')
      .map(([name]) => name.slice(0, name.lastIndexOf(':'))),
  );
}

/** The releases of image packages that are installed. */
export function images(state: State): Set<string> {
  return new Set(
    [...state.packages].flatMap(([name, { status }]) => {
      const release = /^linux-image-(?<release>\d.*?)(?:-unsigned)?:/.exec(name)?.groups?.[
        'release'
      ];
      return release !== undefined && /^[ih][^n]/.test(status) && status !== 'rc' ? [release] : [];
    }),
  );
}
