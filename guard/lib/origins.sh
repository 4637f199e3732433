# shellcheck shell=sh
# unattended-upgrades: our repositories among its origins, where it may install kernels. Needs settings.sh.

# Keeps the drop-in. A character that has a meaning in apt's settings or in unattended-upgrades' patterns stands for any. usage: refresh_origins WANTED
refresh_origins() (
  settings=$(apt-config dump --format '%f %v%n' Unattended-Upgrade 2>/dev/null) || return 0
  origins=$(printf '%s\n' "$1" | cut -f 7 | sort -u | grep -v '^-$' | sed 's/[]["\\;{},=*$]/?/g')
  if [ -z "$origins" ] || ! installs_kernels "$settings"; then
    rm -f "$ORIGINS" 2>/dev/null
    return 0
  fi
  {
    echo '// Made by lockstep-guard, which changes and removes it: modules come with the kernels that may come by themselves.'
    printf '%s\n' "$origins" | sed 's/.*/Unattended-Upgrade::Origins-Pattern:: "origin=&";/'
  } | put_file "$ORIGINS"
  [ $? -ne 1 ] || warn "$ORIGINS can't be written: unattended-upgrades does not install modules, nor kernels that wait for them"
)

# Whether unattended-upgrades is there, takes something from Debian and has not forbidden kernels.
installs_kernels() {
  [ -e "$ROOT/usr/bin/unattended-upgrade" ] || [ -e "$ROOT/usr/bin/unattended-upgrades" ] || return 1
  printf '%s\n' "$1" | grep -q '^Unattended-Upgrade::\(Origins-Pattern\|Allowed-Origins\):: .*Debian' || return 1
  patterns=$(printf '%s\n' "$1" | sed -n 's/^Unattended-Upgrade::Package-Blacklist:: //p')
  IFS=$NEWLINE
  for pattern in $patterns; do
    if [ -n "$pattern" ] && printf 'linux-image-amd64\n' | grep -qE "^($pattern)" 2>/dev/null; then
      return 1
    fi
  done
  return 0
}
