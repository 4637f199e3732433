# shellcheck shell=sh
# Which modules this machine wants: one file a tracking package, whoever publishes it.

# Prints a line a wanted module and flavour:
#   module  flavour  tracking-package  prefix-of-module-packages  files,between,commas|-  in-tree-release|-  origin
# A file that can't be understood is left out, with a warning: a hold must never come from damage. Status 1: it can't be
# told what is wanted.
wanted() {
  set --
  for file in "$WANTED"/*; do
    # Folders, and links to nothing, would end awk's work.
    if [ -f "$file" ] && [ -r "$file" ]; then
      set -- "$@" "$file"
    fi
  done
  [ $# -gt 0 ] || return 0
  awk -v OFS='\t' '
    function flush() {
      if (file == "") return
      sub(/.*\//, "", file)
      if (v["Module"] !~ NAME || v["Flavour"] !~ NAME || v["Package"] !~ NAME || v["Prefix"] !~ NAME ||
          v["Files"] !~ /^[A-Za-z0-9_. -]*$/ || (v["In-Tree"] != "" && v["In-Tree"] !~ NAME))
        print "lockstep-guard: warning: wanted/" file " can not be understood and does not count" | "cat >&2"
      else {
        gsub(/ +/, ",", v["Files"])
        gsub(/[^ -~]/, "?", v["Origin"])
        print v["Module"], v["Flavour"], v["Package"], v["Prefix"], (v["Files"] == "" ? "-" : v["Files"]),
          (v["In-Tree"] == "" ? "-" : v["In-Tree"]), (v["Origin"] == "" ? "-" : v["Origin"])
      }
      split("", v)
    }
    BEGIN { NAME = "^[a-z0-9A-Z][a-z0-9A-Z+.~_-]*$" }
    FNR == 1 { flush(); file = FILENAME }
    { at = index($0, ":"); if (at > 1) { value = substr($0, at + 1); gsub(/^[ \t]+|[ \t\r]+$/, "", value); v[substr($0, 1, at - 1)] = value } }
    END { flush() }
  ' "$@" 2>&2
}

# Prints the modules that are wanted for a release, once each: module  tracking-package  prefix  origin
# usage: wanted_for RELEASE WANTED
wanted_for() (
  printf '%s\n' "$2" | {
    in_columns
    seen=' '
    while read -r module flavour package prefix _files _in_tree origin; do
      case $seen in
        *" $module "*) ;;
        *)
          if is_flavour "$1" "$flavour"; then
            seen="$seen$module "
            printf '%s\n' "$module$TAB$package$TAB$prefix$TAB$origin"
          fi
          ;;
      esac
    done
  }
)
