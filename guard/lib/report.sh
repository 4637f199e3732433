# shellcheck shell=sh
# What people and monitoring see. Needs all of the others but the gate.

# Prints a line an installed kernel and wanted module: release  module  has|lacks  running|-  next|-
# usage: kernel_rows WANTED NEXT-BOOT
kernel_rows() (
  table=$1
  running=$(uname -r)
  next=$2
  for release in $(installed_kernels); do
    is_running=- is_next=-
    [ "$release" != "$running" ] || is_running=running
    [ "$release" != "$next" ] || is_next=next
    missing=$(lacking "$release" "$table")
    for module in $(printf '%s\n' "$table" | cut -f 1 | sort -u); do
      has=has
      ! printf '%s\n' "$missing" | grep -qxF "$module" || has=lacks
      printf '%s\n' "$release$TAB$module$TAB$has$TAB$is_running$TAB$is_next"
    done
  done
)

# 0: nothing is held, and the next boot is good; 1: something is held or not covered; 2: the machine runs, or boots next,
# a kernel that lacks a module.
status_code() {
  if printf '%s\n' "$1" | awk -F '\t' '$3 == "lacks" && ($4 == "running" || $5 == "next") { bad = 1 } END { exit !bad }'; then
    echo 2
  elif [ -n "$2" ]; then
    echo 1
  else
    echo 0
  fi
}

status_text() (
  rows=$1 holds=$2 table=$3
  {
    printf 'KERNEL\tMODULE\tSTATE\t\n'
    printf '%s\n' "$rows" | awk -F '\t' -v OFS='\t' '{
      mark = ($4 == "running" ? "running" : "") ($4 == "running" && $5 == "next" ? ", " : "") ($5 == "next" ? "next boot" : "")
      print $1, $2, ($3 == "has" ? "there" : "MISSING"), mark }'
  } | awk -F '\t' '{ for (i = 1; i <= 3; i++) if (length($i) > w[i]) w[i] = length($i); line[NR] = $0 }
    END { for (n = 1; n <= NR; n++) { split(line[n], f, "\t"); s = sprintf("%-" w[1] "s  %-" w[2] "s  %-" w[3] "s  %s", f[1], f[2], f[3], f[4]); sub(/ +$/, "", s); print s } }'
  printf '%s\n' "$rows" | awk -F '\t' '$3 == "lacks" { print $1 "\t" $2 }' | while read -r release module; do
    package=$(package_to_add "$release" "$module" "$table")
    [ -z "$package" ] || printf '\nFor %s: apt install %s\n' "$release" "$package"
  done
  if [ -s "$BOOT" ] && { has_made_grub || has_systemd_boot; }; then
    printf '\nThe boot loader stays at Linux %s, not the newest kernel, until that has its modules.\n' "$(chosen_boot)"
  fi
  if [ -n "$holds" ]; then
    echo
    describe_holds "$STATE/holds"
    printf '\nTo have one all the same: apt -o Lockstep::Allow=true install linux-image-RELEASE, or for good: lockstep-guard allow RELEASE\n'
  fi
)

json_string() {
  printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"
}

status_json() (
  in_columns
  printf '{"status":%s,"kernels":[' "$3"
  comma=
  printf '%s\n' "$1" | while read -r release module has running next; do
    [ -n "$release" ] || continue
    printf '%s{"release":%s,"module":%s,"present":%s,"running":%s,"nextBoot":%s}' "$comma" \
      "$(json_string "$release")" "$(json_string "$module")" \
      "$([ "$has" = has ] && echo true || echo false)" "$([ "$running" = running ] && echo true || echo false)" \
      "$([ "$next" = next ] && echo true || echo false)"
    comma=,
  done
  printf '],"holds":['
  comma=
  printf '%s\n' "$2" | while read -r release name version module first state package origin; do
    [ -n "$release" ] || continue
    printf '%s{"release":%s,"metapackage":%s,"version":%s,"module":%s,"since":%s,"state":%s,"package":%s,"origin":%s}' "$comma" \
      "$(json_string "$release")" "$(json_string "$name")" "$(json_string "$version")" "$(json_string "$module")" "$first" \
      "$(json_string "$state")" "$(json_string "$package")" "$(json_string "$origin")"
    comma=,
  done
  printf ']}\n'
)

# The text format of Prometheus. usage: metrics ROWS HOLDS STATUS
metrics() {
  echo '# HELP lockstep_guard_status 0 all is well, 1 a kernel is held or lacks a module, 2 the running or next kernel lacks one.'
  echo '# TYPE lockstep_guard_status gauge'
  printf 'lockstep_guard_status %s\n' "$3"
  echo '# HELP lockstep_guard_module_present Whether an installed kernel has a wanted module.'
  echo '# TYPE lockstep_guard_module_present gauge'
  printf '%s\n' "$1" | awk -F '\t' 'NF { print "lockstep_guard_module_present{release=\"" $1 "\",module=\"" $2 "\",running=\"" ($4 == "running") "\",next=\"" ($5 == "next") "\"} " ($3 == "has" ? 1 : 0) }'
  echo '# HELP lockstep_guard_hold_since_seconds When a kernel was first seen without a wanted module.'
  echo '# TYPE lockstep_guard_hold_since_seconds gauge'
  printf '%s\n' "$2" | awk -F '\t' 'NF { print "lockstep_guard_hold_since_seconds{release=\"" $1 "\",module=\"" $4 "\",state=\"" $6 "\"} " $5 }'
}

# Keeps what is read without the guard: node-exporter's textfile, and the text for motd and mail.
# usage: refresh_reports WANTED HOLDS NEXT-BOOT
refresh_reports() (
  rows=$(kernel_rows "$1" "$3")
  code=$(status_code "$rows" "$2")
  textfiles=$ROOT/var/lib/prometheus/node-exporter
  if [ -d "$textfiles" ]; then
    metrics "$rows" "$2" "$code" | put_file "$textfiles/lockstep-guard.prom"
  fi
  told=$(without_age)
  {
    [ -z "$2" ] || describe_holds "$STATE/holds"
    printf '%s\n' "$rows" | awk -F '\t' -v OFS='\t' '$3 == "lacks" && ($4 == "running" || $5 == "next") {
      print $1, $2, ($4 == "running" ? "running" : "next boot") }' | describe_lacking "$1"
  } | put_file "$STATE/notice"
  if [ $? -eq 3 ] && [ -s "$STATE/notice" ] && [ "$(without_age)" != "$told" ]; then
    # Whoever has just run apt or dpkg reads it here.
    sed 's/^/lockstep-guard: /' "$STATE/notice"
    tell_unattended
  fi
  return 0
)

# Prints the package that brings a module to a kernel, when it is published. usage: package_to_add RELEASE MODULE WANTED
package_to_add() (
  package=$(printf '%s\n' "$3" | awk -F '\t' -v module="$2" '$1 == module { print $4; exit }')$1
  ! is_published "$package" || printf '%s\n' "$package"
)

# Says of installed kernels which module they lack, and the package to add when there is one.
# usage: describe_lacking WANTED, with lines `release  module  which` as input
describe_lacking() (
  in_columns
  while read -r release module which; do
    package=$(package_to_add "$release" "$module" "$1")
    printf 'Linux %s (%s) lacks the module %s%s\n' "$release" "$which" "$module" "${package:+: apt install $package}"
  done
)

# Prints the notice without what changes from day to day.
without_age() {
  sed 's/; missing since .*//' "$STATE/notice" 2>/dev/null
}

# A line a hold in the log that unattended-upgrades' readers look at, and in the journal, when it is new.
tell_unattended() {
  log=$ROOT/var/log/unattended-upgrades/unattended-upgrades.log
  if [ -w "$log" ]; then
    sed "s/^/$(date '+%Y-%m-%d %H:%M:%S'),000 WARNING lockstep-guard: /" "$STATE/notice" >>"$log" 2>/dev/null
  fi
  if [ -z "$ROOT" ] && command -v logger >/dev/null 2>&1; then
    logger -t lockstep-guard -p daemon.warning -f "$STATE/notice" 2>/dev/null
  fi
  return 0
}
