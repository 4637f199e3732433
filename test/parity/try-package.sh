#!/bin/bash
# Installs a DKMS package in this root and builds its modules as DKMS does.
# usage: try-package.sh RELEASE JOBS SECONDS FOLDER PACKAGE MORE-PACKAGE...
# The headers' /lib/modules is /usr/src/parity-modules at the start, so that the package's own scripts add sources and
# build nothing. FOLDER gets install.log, `results`, and one log a build. A line of `results` is
#   stage TAB name TAB version TAB status TAB seconds TAB log
# with stage `install` (of apt, in case it fails), `none` (no dkms.conf), `add` (of dkms, in case it fails), `build`
# (alone), `depend` (a module that another package brings, or BUILD_DEPENDS names, installed) and `after` (again after
# that). SECONDS is the longest that a build may take; its status is then 124 or 137.
set -u
release=$1 jobs=$2 limit=$3 folder=$4 package=$5
shift 4
mkdir -p "$folder"
tree=/var/lib/dkms

note() {
  local IFS=$'\t'
  echo "$*" >>"$folder/results"
}

begin=$SECONDS
apt-get install -y --no-install-recommends "$@" >"$folder/install.log" 2>&1
status=$?
if [ $status != 0 ]; then
  note install "$package" - $status $((SECONDS - begin)) install.log
fi
[ -d /lib/modules ] || mkdir -p /lib/modules
cp -a /usr/src/parity-modules/. /lib/modules/

confs=$(dpkg -L "$package" 2>/dev/null | grep -x '/usr/src/[^/]*/dkms.conf')
if [ ! "$confs" ]; then
  note none "$package" - 0 0 install.log
  exit 0
fi

# The directives of a dkms.conf, as it says them for this kernel: `NAME VERSION DEPENDENCY...`.
read_conf() {
  kernelver=$release arch=x86_64 kernel_source_dir=/lib/modules/$release/build dkms_tree=$tree source_tree=/usr/src \
    bash -c '. "$1" >/dev/null 2>&1 </dev/null; echo "$PACKAGE_NAME" "$PACKAGE_VERSION" "${BUILD_DEPENDS[@]}"' bash "$1"
}

# `NAME VERSION` as dkms has added a source folder.
added() {
  local link
  for link in "$tree"/*/*/source; do
    if [ "$(readlink -f "$link")" = "$(readlink -f "$1")" ]; then
      link=${link%/source}
      echo "$(basename "${link%/*}") ${link##*/}"
      return
    fi
  done
}

# run STAGE ACTION NAME VERSION; its status is dkms's
run() {
  local log="$1-$3-$4.log" begin=$SECONDS status file
  timeout --kill-after=10 "$limit" \
    dkms "$2" -m "$3" -v "$4" -k "$release" -j "$jobs" >"$folder/$log" 2>&1 </dev/null
  status=$?
  for file in "$tree/$3/$4/build/make.log" "$tree/$3/$4/$release"/*/log/make.log; do
    [ ! -f "$file" ] || cat "$file" >>"$folder/$log"
  done
  note "$1" "$3" "$4" $status $((SECONDS - begin)) "$log"
  return $status
}

for conf in $confs; do
  source=$(dirname "$conf")
  read -r name version <<<"$(added "$source")"
  if [ ! "${name-}" ]; then
    dkms add "$source" >"$folder/add.log" 2>&1 </dev/null
    status=$?
    read -r name version <<<"$(added "$source")"
    if [ ! "${name-}" ]; then
      note add "$(basename "$source")" - $status 0 add.log
      continue
    fi
  fi
  run build build "$name" "$version"
  status=$?
  read -r _ _ depends <<<"$(read_conf "$conf")"
  if [ $status != 0 ] && [ $status != 77 ] && [ "${depends-}" ]; then
    for other in "$tree"/*/*/source; do
      other=${other%/source}
      [ "$other" = "$tree/$name/$version" ] || run depend install "$(basename "${other%/*}")" "${other##*/}"
    done
    rm -rf "${tree:?}/$name/$version/build"
    run after build "$name" "$version"
  fi
done
exit 0
