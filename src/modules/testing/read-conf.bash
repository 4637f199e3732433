#!/bin/bash
# Lets DKMS itself read a dkms.conf and prints what it makes of it: `name NUL value NUL`, modules as
# `location TAB built name TAB installed name TAB strip`.
# usage: read-conf.bash DKMS CONF KERNEL-RELEASE ARCHITECTURE KERNEL-SOURCE
# DKMS is the script of the Debian package dkms; its functions are taken from it, nothing else of it is run.
dkms=$1 conf=$2 release=$3 machine=$4
# shellcheck disable=SC2034 # variables of DKMS
{
  kernel_source_dir=$5 kernel_config=$5/.config
  ksourcedir_fromcli=yes kconfig_fromcli=yes show_deprecation_warnings=0
  dkms_tree=/var/lib/dkms source_tree=/usr/src install_tree=/lib/modules
  module=demo module_version=1.0 directive_array=()
}
functions='VER safe_source read_conf mktemp_or_die set_kernel_source_dir_and_kconfig override_dest_module_location error die'
for name in $functions; do
  # shellcheck disable=SC1090
  . <(sed -n "/^$name *()/,/^[})]/p" "$dkms")
done
# shellcheck disable=SC1090
. <(sed -n '/^readonly dkms_conf_variables=/,/"$/p' "$dkms")
status=0
read_conf "$release" "$machine" "$conf" >/dev/null 2>&1 || status=$?
emit() { printf '%s\0%s\0' "$1" "$2"; }
emit status "$status"
# shellcheck disable=SC2154 # set by read_conf
{
  emit name "$PACKAGE_NAME"
  emit version "$PACKAGE_VERSION"
  emit make "$make_command"
  emit excluded "${build_exclude-}"
  emit preBuild "$pre_build"
  emit postBuild "$post_build"
  emit remakeInitrd "${REMAKE_INITRD-}"
  for ((i = 0; i < ${#patch_array[@]}; i++)); do emit patch "${patch_array[i]}"; done
  for name in "${BUILD_DEPENDS[@]}"; do emit depends "$name"; done
  for ((i = 0; i < num_modules; i++)); do
    emit module "${built_module_location[i]}"$'\t'"${built_module_name[i]}"$'\t'"${dest_module_name[i]}"$'\t'"${strip[i]}"
  done
}
