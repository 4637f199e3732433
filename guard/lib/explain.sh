# shellcheck shell=sh
# apt's JSON hook (protocol 0.2 of apt 2.6 and later): says why a kernel is held while apt is asked to upgrade. Needs settings and holds.

tell_holds() {
  printf '\nHeld by lockstep-guard:\n'
  describe_holds "$STATE/holds" | sed 's/^/  /'
}

explain() {
  [ -s "$STATE/holds" ] || return 0
  case ${APT_HOOK_SOCKET:-} in
    '' | *[!0-9]*) return 0 ;;
  esac
  socket=/proc/self/fd/$APT_HOOK_SOCKET
  [ -e "$socket" ] || return 0
  eval "exec 3<&$APT_HOOK_SOCKET 4>&$APT_HOOK_SOCKET"
  version=0.1
  while IFS= read -r line <&3; do
    case $line in
      *'"org.debian.apt.hooks.hello"'*)
        case $line in
          *'"0.2"'*) version=0.2 ;;
        esac
        printf '{"jsonrpc":"2.0","id":0,"result":{"version":"%s"}}\n\n' "$version" >&4
        ;;
      *'"org.debian.apt.hooks.install.statistics"'*) tell_holds ;;
      # apt that knows no later moment.
      *'"org.debian.apt.hooks.install.pre-prompt"'*) [ "$version" = 0.2 ] || tell_holds ;;
      *'"org.debian.apt.hooks.bye"'*) break ;;
    esac
  done
  return 0
}
