/** A dkms.conf and the kernel it is read for. */
export interface DkmsCase {
  conf: string;
  /** `6.12.117+deb13-amd64` unless it matters. */
  kernelver?: string;
  arch?: string;
}

const HEAD = 'PACKAGE_NAME="demo"\nPACKAGE_VERSION="1.0"\n';
const ONE = 'BUILT_MODULE_NAME="demo"\nDEST_MODULE_LOCATION="/updates"\n';

const exclusive = (text: string, more: Omit<DkmsCase, 'conf'> = {}): DkmsCase => ({
  conf: HEAD + ONE + text,
  ...more,
});

/** The kernel's configuration in all cases. */
export const KERNEL_CONFIG = 'CONFIG_ACPI=y\nCONFIG_MEDIA=m\n# CONFIG_RT is not set\n';

/** Everything that dkms.conf files do, by what is odd about it. */
export const DKMS_CASES: Record<string, DkmsCase> = {
  plain: { conf: HEAD + ONE },
  'every directive': {
    conf: `${HEAD}MAKE[0]="make -C src KVER=\${kernelver} all"
CLEAN="make clean"
PRE_BUILD="pre.sh one \${kernelver}"
POST_BUILD="post.sh"
BUILT_MODULE_NAME[0]="first"
BUILT_MODULE_LOCATION[0]="src/"
DEST_MODULE_NAME[0]="first-renamed"
DEST_MODULE_LOCATION[0]="/kernel/drivers"
BUILT_MODULE_NAME[1]="second"
DEST_MODULE_LOCATION[1]="/extra"
STRIP[1]="no"
REMAKE_INITRD="yes"
AUTOINSTALL="yes"
BUILD_DEPENDS[0]="other"
BUILD_DEPENDS[1]="third"
`,
  },
  'sparse: a location for the second only': {
    conf: `${HEAD}BUILT_MODULE_NAME[0]="a"
BUILT_MODULE_NAME[1]="b"
BUILT_MODULE_LOCATION[1]="deep/er/"
DEST_MODULE_LOCATION[0]="/updates"
DEST_MODULE_LOCATION[1]="/updates"
STRIP[0]="no"
`,
  },
  'sparse: a record without a name': {
    conf: `${HEAD}BUILT_MODULE_NAME[0]="a"
BUILT_MODULE_NAME[2]="c"
DEST_MODULE_LOCATION[0]="/updates"
DEST_MODULE_LOCATION[2]="/updates"
`,
  },
  'no BUILT_MODULE_NAME': { conf: `${HEAD}DEST_MODULE_LOCATION="/updates"\n` },
  'arrays in parentheses, loops, functions': {
    conf: `${HEAD}names=(alpha beta gamma)
place() { echo "drivers/$1"; }
for i in \${!names[@]}; do
  BUILT_MODULE_NAME[$i]=\${names[$i]}
  BUILT_MODULE_LOCATION[$i]=$(place \${names[$i]})
  DEST_MODULE_LOCATION[$i]=/updates/dkms
done
`,
  },
  'variables of dkms': {
    conf: `${HEAD + ONE}MAKE="make K=$kernelver A=$arch S=$kernel_source_dir T=$dkms_tree R=$source_tree"\n`,
  },
  'kernelver in single quotes': {
    conf: `${HEAD + ONE}MAKE='make KVER=\${kernelver} SRC=$kernel_source_dir'\n`,
  },
  'a command in single quotes': { conf: `${HEAD + ONE}MAKE='make X=$(echo y $kernelver)'\n` },
  'locals, as a file that is read in a function may have': {
    conf: `${HEAD + ONE}local flag=on\nMAKE="make FLAG=$flag"\n`,
  },
  'the kernel configuration is read': {
    conf: `${HEAD + ONE}if grep -q '^CONFIG_MEDIA=[ym]' $kernel_source_dir/.config; then
  BUILT_MODULE_NAME[1]="media"
  DEST_MODULE_LOCATION[1]="/updates"
fi
grep -q '^CONFIG_RT=' $kernel_source_dir/.config && MAKE="make rt"
`,
  },
  'an empty MAKE': { conf: `${HEAD + ONE}MAKE=""\n` },
  'an empty first MAKE and a second': { conf: `${HEAD + ONE}MAKE[0]=""\nMAKE[1]="make second"\n` },
  'MAKE over lines, with many spaces': {
    conf: `${HEAD + ONE}MAKE="make  -C   \${kernel_source_dir} \\
    M=here
  modules"
`,
  },
  'MAKE with quotation marks': { conf: `${HEAD + ONE}MAKE='make CFLAGS="-O2"'\n` },
  'MAKE with single quotes in double ones, as many have it: "\'make\' all"': {
    conf: `${HEAD + ONE}MAKE="'make' all KVER=\${kernelver}; echo 'a  b'"\n`,
  },
  'MAKE with backslashes': { conf: `${HEAD + ONE}MAKE="make X=a\\\\b Y=\\\\\\$z"\n` },
  'MAKE with stars and question marks': { conf: `${HEAD + ONE}MAKE="make * ?.c [ab]"\n` },
  'MAKE_MATCH: the last that fits': {
    conf: `${HEAD + ONE}MAKE[0]="make zero"
MAKE[1]="make one"
MAKE_MATCH[1]="^6\\."
MAKE[2]="make two"
MAKE_MATCH[2]="^6\\.12\\..*-amd64$"
MAKE[3]="make three"
MAKE_MATCH[3]="^5"
`,
  },
  'MAKE_MATCH: none fits': {
    conf: `${HEAD + ONE}MAKE[0]="make zero"\nMAKE_MATCH[0]="^5"\n`,
  },
  'PATCH and PATCH_MATCH': {
    conf: `${HEAD + ONE}PATCH[0]="always.patch"
PATCH[1]="old.patch"
PATCH_MATCH[1]="^[2-5]\\."
PATCH[2]="new.patch"
PATCH_MATCH[2]="^6\\.(1[0-9])\\."
PATCH[3]="dir/plus.patch"
PATCH_MATCH[3]="deb13"
`,
  },
  'excluded by kernel': exclusive('BUILD_EXCLUSIVE_KERNEL="^5\\..*"\n'),
  'not excluded by kernel': exclusive('BUILD_EXCLUSIVE_KERNEL="^(5\\.|6\\.1[0-9]\\.)"\n'),
  'below the lowest kernel': exclusive('BUILD_EXCLUSIVE_KERNEL_MIN=6.13\n'),
  'the lowest kernel': exclusive('BUILD_EXCLUSIVE_KERNEL_MIN=6.12.117\n'),
  'above the highest kernel': exclusive('BUILD_EXCLUSIVE_KERNEL_MAX=6.9\n'),
  'the highest kernel': exclusive('BUILD_EXCLUSIVE_KERNEL_MAX=6.12.117\n'),
  'below the highest kernel': exclusive('BUILD_EXCLUSIVE_KERNEL_MAX=6.12.200\n'),
  'numbers are not text': exclusive('BUILD_EXCLUSIVE_KERNEL_MIN=5.10\n', {
    kernelver: '5.9.0-1-amd64',
  }),
  'ABI names with a hyphen': exclusive('BUILD_EXCLUSIVE_KERNEL_MIN=6.1.0-50\n', {
    kernelver: '6.1.0-9-amd64',
  }),
  'OBSOLETE_BY an older kernel': exclusive('OBSOLETE_BY=6.1\n'),
  'OBSOLETE_BY a newer kernel': exclusive('OBSOLETE_BY=7.0\n'),
  'OBSOLETE_BY gives way to a highest kernel': exclusive(
    'OBSOLETE_BY=6.1\nBUILD_EXCLUSIVE_KERNEL_MAX=7.0\n',
  ),
  'excluded by architecture': exclusive('BUILD_EXCLUSIVE_ARCH="(i.86|aarch64)"\n'),
  'not excluded by architecture': exclusive('BUILD_EXCLUSIVE_ARCH="x86"\n'),
  'an architecture by pattern': exclusive('BUILD_EXCLUSIVE_ARCH="^arm"\n', { arch: 'armv7l' }),
  'the kernel has what is wanted': exclusive('BUILD_EXCLUSIVE_CONFIG="CONFIG_ACPI CONFIG_MEDIA"\n'),
  'the kernel lacks what is wanted': exclusive('BUILD_EXCLUSIVE_CONFIG="CONFIG_ACPI CONFIG_RT"\n'),
  'the kernel has what is not wanted': exclusive('BUILD_EXCLUSIVE_CONFIG="!CONFIG_MEDIA"\n'),
  'the kernel lacks what is not wanted': exclusive(
    'BUILD_EXCLUSIVE_CONFIG="CONFIG_ACPI !CONFIG_RT"\n',
  ),
  'lines that end with CR LF': {
    conf: `${HEAD + ONE}MAKE="make all"\nBUILD_EXCLUSIVE_KERNEL="^6"\n`.replaceAll('\n', '\r\n'),
  },
  'prints a lot': { conf: `echo noise; seq 100000\n${HEAD + ONE}echo more noise\n` },
  'fails at its end': { conf: `${HEAD + ONE}false\n` },
  'returns in the middle': { conf: `${HEAD + ONE}return 3\nMAKE="never read"\n` },
  'exits with 0': { conf: `${HEAD + ONE}exit 0\n` },
  'exits with 1': { conf: `exit 1\n${HEAD + ONE}` },
  'is no bash': { conf: `${HEAD + ONE}if then fi (\n` },
  empty: { conf: '' },
  'a name that ends with .ko': {
    conf: `${HEAD}BUILT_MODULE_NAME="demo.ko"\nDEST_MODULE_LOCATION="/updates"\n`,
  },
  'a new name that ends with .o': { conf: `${HEAD + ONE}DEST_MODULE_NAME="demo.o"\n` },
  'stripped by default, but not the first': {
    conf: `${HEAD}STRIP="no"\nBUILT_MODULE_NAME[0]="a"\nDEST_MODULE_LOCATION[0]="/updates"
BUILT_MODULE_NAME[1]="b"\nDEST_MODULE_LOCATION[1]="/updates"\nSTRIP[1]="yes"
BUILT_MODULE_NAME[2]="c"\nDEST_MODULE_LOCATION[2]="/updates"\n`,
  },
  'no PACKAGE_NAME': { conf: ONE },
  'no DEST_MODULE_LOCATION': { conf: `${HEAD}BUILT_MODULE_NAME="demo"\n` },
};
