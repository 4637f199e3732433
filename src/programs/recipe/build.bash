#!/bin/bash
# Builds a module as `dkms build` does, inside the sandbox.
# usage: build.bash OUTPUT
# In the environment: kernelver kernel_source_dir arch module module_version, CROSS_COMPILE where the kernel is of another architecture, and
#   lockstep_make       the make command of the dkms.conf
#   lockstep_jobs       how many compilers at once
#   lockstep_sequential not empty: a command that is not make itself gets one compiler only
#   lockstep_objects    not empty: compilations are kept in OUTPUT/objects, and taken from a neighbour's
#   lockstep_answers    not empty: builds nothing, and leaves in OUTPUT/answers what kbuild asks the compiler; see `cc`
#   lockstep_patches    one file name below patches/ a line
#   lockstep_own_patches  one file name below /usr/lib/lockstep/patches a line, applied after them
#   lockstep_pre_build, lockstep_post_build  scripts of the source, with arguments
#   lockstep_modules    `location (`.` for the build folder itself) TAB built name TAB installed name TAB yes|no` a line, the last says whether to strip
# OUTPUT is a folder that gets one .ko a module, and Module.symvers when the build made one. Status: 0 built, 10 does not compile, 5 and 6 patches, 7 a module is
# missing after the build, as dkms(8) has them.

output=$1
build_dir=$PWD
: "${kernelver:?}" "${kernel_source_dir:?}" "${arch:?}" "${module:?}" "${module_version:?}" "${lockstep_make:?}" "${lockstep_jobs:?}" "${lockstep_modules:?}"

# Processor time of the whole build: `user system` of this shell, then of all that it ran.
trap 'times >"$output/times"' EXIT

# What other modules' builds have left, where DKMS has it.
for other in /usr/lib/lockstep/dkms/*; do
  [[ -d $other ]] && ln -s "$other" /var/lib/dkms/
done

fail() {
  echo "lockstep: $2" >&2
  exit "$1"
}

# The compiler that the kernel was built with, as DKMS exports it. For another architecture it is the cross compiler of
# that name, also where the kernel was built on its own architecture; this machine's own never stands in for it.
cross=${CROSS_COMPILE-}
cc=$(sed -n 's|^CONFIG_CC_VERSION_TEXT="*\([^" ]*\) .*|\1|p' "$kernel_source_dir/.config")
[[ $cc && $cross && $cc != "$cross"* ]] && cc=$cross$cc
if [[ $cc ]] && command -v "$cc" >/dev/null; then
  export CC=$cc KERNEL_CC=$cc
elif [[ $cross ]]; then
  fail 10 "the build root has no cross compiler ${cc:-$cross}"
fi

if [[ ${lockstep_objects-} ]]; then
  mkdir -p "$output/objects" /tmp/lockstep-cc/known /tmp/lockstep-cc/answers
  for compiler in /usr/bin/*gcc /usr/bin/*gcc-[0-9] /usr/bin/*gcc-[0-9][0-9]; do
    [[ -x $compiler ]] && ln -s /usr/lib/lockstep/cc "/tmp/lockstep-cc/${compiler##*/}"
  done
  PATH=/tmp/lockstep-cc:$PATH
fi

if [[ ${lockstep_answers-} ]]; then
  echo 'obj-m :=' >Makefile
  make -C "$kernel_source_dir" M="$build_dir" || fail 10 "kbuild does not work"
  rm -f /tmp/lockstep-cc/answers/*.lock /tmp/lockstep-cc/answers/err.*
  cp -r /tmp/lockstep-cc/answers "$output/"
  exit 0
fi

while IFS= read -r patch; do
  [[ $patch ]] || continue
  [[ -e patches/$patch ]] || fail 5 "the patch $patch of the dkms.conf is not in patches/"
  echo "# patch -p1 < patches/$patch"
  patch -p1 <"patches/$patch" || fail 6 "the patch $patch does not apply"
done <<<"${lockstep_patches-}"
while IFS= read -r patch; do
  [[ $patch ]] || continue
  echo "# patch -p1 < $patch"
  patch -p1 --batch <"/usr/lib/lockstep/patches/$patch" || fail 6 "the patch ${patch#*-} does not apply"
done <<<"${lockstep_own_patches-}"

run_script() {
  [[ $2 ]] || return 0
  if [[ ! -x ${2%% *} ]]; then
    echo "lockstep: warning: the $1 script ${2%% *} is not executable" >&2
    return 0
  fi
  echo "# $1: $2"
  (cd "$build_dir" && eval "./$2") || fail 10 "the $1 script failed"
}

run_script PRE_BUILD "${lockstep_pre_build-}"

# A command of several steps that calls make itself: DKMS lets it run with one compiler.
if [[ $lockstep_make != make* && ! ${lockstep_sequential-} ]]; then
  export MAKEFLAGS=-j$lockstep_jobs
fi
command=${lockstep_make/#make/make -j$lockstep_jobs KERNELRELEASE=$kernelver}
echo "# $command"
(eval "$command") || fail 10 "the module does not compile"

while IFS=$'\t' read -r location built installed strip; do
  file=$location/$built.ko
  [[ -f $file && ! -L $file ]] || fail 7 "$file is missing after the build"
  cp -- "$file" "$output/$installed.ko" || fail 7 "$file can't be kept"
  if [[ $strip = yes ]]; then
    "${cross}strip" -g "$output/$installed.ko" || fail 7 "$file can't be stripped"
  fi
done <<<"$lockstep_modules"
if [[ -f Module.symvers && ! -L Module.symvers ]]; then
  cp Module.symvers "$output/Module.symvers"
fi

if [[ ${lockstep_post_build-} ]]; then
  # DKMS has the built module in its tree by then: scripts put further files there.
  kept=$output/dkms
  built=/var/lib/dkms/$module/$module_version/$kernelver
  rm -rf -- "$kept" "${built:?}/$arch"
  mkdir -p "$kept/log" "$kept/module" "$built"
  ln -sT "$kept" "$built/$arch"
  ln -- "$output"/*.ko "$kept/module"
  if [[ -f $output/Module.symvers ]]; then
    cp -- "$output/Module.symvers" "$kept/module"
  fi
  run_script POST_BUILD "$lockstep_post_build"
  rm -rf -- "$kept"
fi
exit 0
