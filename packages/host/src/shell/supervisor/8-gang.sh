# SSH between the nodes of a gang, while the attempt lasts. The key and the configuration are files of the plan; of the
# user's own only authorized_keys is touched, by one line that names the attempt.

# Lets the other nodes in, and puts an ssh that knows them before the machine's own.
open_gang() {
  [ -e "$control/plan/gang-key" ] || return 0
  mkdir -p "$control/gang" "$HOME/.ssh"
  chmod 700 "$HOME/.ssh"
  for tool in ssh scp sftp; do
    [ -n "$(command -v "$tool")" ] || continue
    printf '#!/bin/sh\nexec "%s" -F "%s" "$@"\n' "$(command -v "$tool")" "$control/plan/gang-config" >"$control/gang/$tool"
    chmod 700 "$control/gang/$tool"
  done
  read -r line <"$control/plan/gang-public"
  edit_keys "$line gpujob-gang-$mark"
}

# Shuts the door again. Not when this node's own job is over, for the others may still use it; only its key goes then.
close_gang() {
  [ ! -e "$control/plan/gang-public" ] || edit_keys
}

# Takes the line of this attempt, and of those that are long over, out of authorized_keys, and adds line $1, if there is one.
# One at a time, for several attempts may share the user; by rename, so that a full disk locks nobody out.
edit_keys() {
  keys=$HOME/.ssh/authorized_keys
  tries=0
  # A lock that is held for five seconds was left behind.
  until mkdir "$keys.gpujob" 2>/dev/null || [ "$tries" -gt 100 ]; do
    tries=$((tries + 1))
    nap
  done
  target=$(readlink -f "$keys" 2>/dev/null)
  target=${target:-$keys}
  if { kept_keys && { [ $# -eq 0 ] || printf '%s\n' "$1"; }; } >"$target.$$" && chmod 600 "$target.$$"; then
    mv -f "$target.$$" "$target"
  else
    rm -f "$target.$$"
  fi
  rmdir "$keys.gpujob"
}

# The lines that stay.
kept_keys() {
  [ -e "$keys" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *" gpujob-gang-$mark") continue ;;
      *" gpujob-gang-"*)
        # No driver came back to these.
        other=${dir%/*}/${line##* gpujob-gang-}/control
        [ -d "$other" ] && [ -z "$(find "$other/exit" -mtime +0 2>/dev/null)" ] || continue
        ;;
    esac
    printf '%s\n' "$line" || return 1
  done <"$keys"
}
