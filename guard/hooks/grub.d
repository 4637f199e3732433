#!/bin/sh
# Made by lockstep-guard, which removes it again: where GRUB's default would start a kernel without the modules that this
# machine wants, it starts one that has them. An entry that is chosen for one boot, and another system, stay as they are.
set -e

menu=/usr/share/lockstep-guard/lib/grub-menu.awk
choice=$(tr -cd 'A-Za-z0-9.+~_ \n-' 2>/dev/null </var/lib/lockstep-guard/boot | tr '\n' ' ') || choice=
if [ -z "$choice" ] || [ ! -r "$menu" ]; then
  exit 0
fi
printf '# lockstep-guard: %s\n' "${choice% }"

# Entries that other scripts have put before Linux's are only known from the last time.
first=$(awk '/^### BEGIN .*linux.* ###$/ { exit } /^(menuentry|submenu) / { n++ } END { print n + 0 }' \
  /boot/grub/grub.cfg 2>/dev/null) || first=0
# What GRUB's default is now: an entry that is gone counts as the first one.
current=$GRUB_DEFAULT
if [ "$current" = saved ]; then
  current=$(sed -n 's/^saved_entry=//p' /boot/grub/grubenv 2>/dev/null) || current=
fi
GUARD_CURRENT=$current
export GUARD_CURRENT

for script in /etc/grub.d/*linux*; do
  case $script in
    *~ | *.bak | *.dpkg-*) continue ;;
  esac
  [ -x "$script" ] || continue
  printf '### BEGIN %s ###\n' "$script"
  "$script" 2>/dev/null || true
done | awk -v first="$first" -f "$menu" | awk -F '\t' -v choice="$choice" -v first="$first" -v savedefault="${GRUB_SAVEDEFAULT:-}" '
  function quote(text) {
    gsub(quote_mark, quote_mark "\\" quote_mark quote_mark, text)
    return quote_mark text quote_mark
  }
  function leave(value, section) {
    if (!(section in target) || (value, section) in left) return
    left[value, section] = 1
    if (target[section] != last) printf "  set lockstep_guard_good=%s\n", quote(last = target[section])
    printf "  if [ \"x$default\" = %s ]; then set lockstep_guard=\"$lockstep_guard_good\"; fi\n", quote("x" value)
  }
  BEGIN {
    quote_mark = "\047"
    words = split(choice, word, " ")
    good = word[2]
    for (i = 4; i <= words; i += 2) avoid[word[i]] = 1
  }
  {
    value[NR] = $1; release[NR] = $2; section[NR] = $4; known[$1] = 1
    if ($2 == good && !($4 in target)) target[$4] = $3
  }
  END {
    print "set lockstep_guard="
    # Also for the function below, which a submenu calls.
    print "export lockstep_guard"
    print "if [ \"x$boot_once\" != xtrue ]; then"
    current = ENVIRON["GUARD_CURRENT"]
    if (!first && !(current in known) && current ~ /gnulinux|Linux/ && release[1] in avoid) leave(current, section[1])
    for (i = 1; i <= NR; i++) if (release[i] in avoid) leave(value[i], section[i])
    print "  if [ -n \"$lockstep_guard\" ]; then set default=\"$lockstep_guard\"; fi"
    print "fi"
    # The last entry that was chosen is remembered; the one that was chosen here is not.
    if (savedefault == "true") {
      print "function savedefault {"
      print "  if [ -z \"${boot_once}\" -a \"x${chosen}\" != \"x${lockstep_guard}\" ]; then"
      print "    set saved_entry=\"${chosen}\""
      print "    if [ -n \"${env_block}\" ]; then save_env -f \"${env_block}\" saved_entry; else save_env saved_entry; fi"
      print "  fi"
      print "}"
    }
  }' || true
exit 0
