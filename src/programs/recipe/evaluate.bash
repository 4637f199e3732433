#!/bin/bash
# Evaluates a dkms.conf for one kernel as DKMS 3 does, inside the sandbox, and writes what it says.
# usage: evaluate.bash DKMS.CONF OUTPUT
# In the environment, as DKMS documents them for a dkms.conf: kernelver arch kernel_source_dir dkms_tree source_tree
# module module_version. OUTPUT is a sequence of `name NUL value NUL`; array elements are named `NAME[index]`.
# The file is bash and may do anything a sandboxed shell can: nothing that it writes is trusted.

conf=$1
output=$2
: "${kernelver:?}" "${kernel_source_dir:?}" "${arch:?}" "${dkms_tree:?}" "${module:?}" "${module_version:?}"
# shellcheck disable=SC2034 # names a dkms.conf may use
install_tree=/lib/modules tmp_location=/tmp parallel_jobs=${lockstep_jobs:-1}
kernel_config=$kernel_source_dir/include/config/auto.conf
[[ -e $kernel_config ]] || kernel_config=$kernel_source_dir/.config

directives='PACKAGE_NAME PACKAGE_VERSION PRE_BUILD POST_BUILD BUILD_EXCLUSIVE_KERNEL BUILD_EXCLUSIVE_KERNEL_MIN
BUILD_EXCLUSIVE_KERNEL_MAX BUILD_EXCLUSIVE_ARCH BUILD_EXCLUSIVE_CONFIG OBSOLETE_BY REMAKE_INITRD MAKE MAKE_MATCH
BUILT_MODULE_NAME BUILT_MODULE_LOCATION DEST_MODULE_NAME DEST_MODULE_LOCATION STRIP PATCH PATCH_MATCH BUILD_DEPENDS'

# DKMS sources the file in a subshell of a function, prints the directives as double-quoted assignments and sources
# those: values are expanded a second time, which files with a single-quoted ${kernelver} count on, and white space,
# line breaks too, is one space, which files with a command over several lines count on. DKMS also replaces stars by
# the names of files in the folder that it happens to run in; here they stay.
read_file() {
  # shellcheck disable=SC1090
  . "$conf" >/dev/null </dev/null
  set -f
  for _name in $directives; do
    for _index in $(eval "echo \${!${_name}[@]}"); do
      eval "echo ${_name}[${_index}]=\\\"\${${_name}[${_index}]%\$'\\r'}\\\""
    done
  done
}
# DKMS takes name and version from the file when a source is added, and builds it under these.
called=$(
  read_file | grep -E '^PACKAGE_(NAME|VERSION)\['
)
eval "$called"
[[ ${PACKAGE_NAME-} =~ ^[A-Za-z0-9][A-Za-z0-9_.+~-]*$ ]] && module=$PACKAGE_NAME
[[ ${PACKAGE_VERSION-} =~ ^[A-Za-z0-9][A-Za-z0-9_.+~-]*$ ]] && module_version=$PACKAGE_VERSION

assignments=$(
  read_file
  for _name in CLEAN MODULES_CONF MODULES_CONF_ALIAS_TYPE MODULES_CONF_OBSOLETES MODULES_CONF_OBSOLETE_ONLY REMAKE_INITRD; do
    [[ ${!_name-} ]] && echo "lockstep: warning: dkms.conf: $_name is obsolete" >&2
  done
  echo evaluated=yes
)
for _name in $directives; do unset "$_name"; done
eval "$assignments"
if [[ ! ${evaluated-} ]]; then
  echo "$conf ended the shell that read it" >&2
  exit 1
fi

emit() { printf '%s\0%s\0' "$1" "$2" >>"$output"; }

for _name in $directives; do
  for _index in $(eval "echo \${!${_name}[@]}"); do
    eval "emit \"${_name}[${_index}]\" \"\${${_name}[${_index}]}\""
  done
done

# The matches are bash's own regular expressions, so bash decides them.
make_command=
[[ ${MAKE_MATCH[0]-} ]] || make_command=${MAKE[0]-}
for ((i = 0; i < ${#MAKE[@]}; i++)); do
  [[ ${MAKE[i]-} && ${MAKE_MATCH[i]-} && $kernelver =~ ${MAKE_MATCH[i]} ]] && make_command=${MAKE[i]}
done
[[ $make_command ]] || make_command="make -C $kernel_source_dir M=$dkms_tree/$module/$module_version/build"
emit make "$make_command"
for ((i = 0; i < ${#PATCH[@]}; i++)); do
  [[ ${PATCH[i]-} && (! ${PATCH_MATCH[i]-} || $kernelver =~ ${PATCH_MATCH[i]}) ]] && emit patch "${PATCH[i]}"
done

# DKMS's VER: every number padded to three digits, then compared as text.
ver() {
  sed -e 's:\([^0-9]\)\([0-9]\):\1 \2:g' -e 's:\([0-9]\)\([^0-9]\):\1 \2:g' -e 's:\(.*\): \1 :' \
    -e 's: \([0-9]\) : 00\1 :g' -e 's: \([0-9][0-9]\) : 0\1 :g' -e 's: ::g' <<<"$1"
}

[[ ${OBSOLETE_BY-} && ! ${BUILD_EXCLUSIVE_KERNEL_MAX-} ]] && BUILD_EXCLUSIVE_KERNEL_MAX=$OBSOLETE_BY
[[ ${BUILD_EXCLUSIVE_KERNEL-} && ! $kernelver =~ $BUILD_EXCLUSIVE_KERNEL ]] &&
  emit excluded "BUILD_EXCLUSIVE_KERNEL=\"$BUILD_EXCLUSIVE_KERNEL\""
[[ ${BUILD_EXCLUSIVE_KERNEL_MIN-} && $(ver "$kernelver") < $(ver "$BUILD_EXCLUSIVE_KERNEL_MIN") ]] &&
  emit excluded "BUILD_EXCLUSIVE_KERNEL_MIN=\"$BUILD_EXCLUSIVE_KERNEL_MIN\""
[[ ${BUILD_EXCLUSIVE_KERNEL_MAX-} && $(ver "$kernelver") > $(ver "$BUILD_EXCLUSIVE_KERNEL_MAX") ]] &&
  emit excluded "BUILD_EXCLUSIVE_KERNEL_MAX=\"$BUILD_EXCLUSIVE_KERNEL_MAX\""
[[ ${BUILD_EXCLUSIVE_ARCH-} && ! $arch =~ $BUILD_EXCLUSIVE_ARCH ]] &&
  emit excluded "BUILD_EXCLUSIVE_ARCH=\"$BUILD_EXCLUSIVE_ARCH\""
for option in ${BUILD_EXCLUSIVE_CONFIG-}; do
  case $option in
    !*) grep -q "^${option#!}=[ym]" "$kernel_config" && emit excluded "the kernel has ${option#!}" ;;
    *) grep -q "^$option=[ym]" "$kernel_config" || emit excluded "the kernel lacks $option" ;;
  esac
done
emit end ''
