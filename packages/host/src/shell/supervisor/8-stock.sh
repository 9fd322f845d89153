# The store: packs, each a folder with a tree, its index ("hash mode path") and its hashes. A pack appears by one rename, once
# every file in it has the hash that it is named by. And spares: work folders made in advance from the store, for the next
# attempt on this machine. Both are made after the upload has answered: the job waits for neither.

# Brings what came for this attempt into the store, and makes a spare of what its work folder was built as.
stock_all() {
  LC_ALL=C
  export LC_ALL
  [ -d "$root/spare" ] || mkdir -p "$root/store/in" "$root/spare"
  # One after the other; one that never ends holds up nobody for ever.
  tries=0
  while lives "$root/spare/maker" && [ "$tries" -lt 6000 ]; do
    tries=$((tries + 1))
    nap
  done
  record "$root/spare/maker"
  trap 'rm -f "$root/spare/maker"' EXIT
  : >"$root/spare/stocking"
  # The upload's answer and the start of the job come first.
  nap
  for left in "$control"/coming.*; do
    [ ! -d "$left" ] || lives "$left/owner" || rm -rf "$left"
  done
  for lines in "$control"/stock.*; do
    [ -e "$lines" ] || continue
    stock "$lines" "$dir/work"
    rm -f "$lines"
  done
  rm -f "$root/spare/stocking"
  # What nobody used for two weeks makes room.
  find "$root/store" -mindepth 1 -maxdepth 1 -name '[0-9]*' -mtime +14 -exec rm -rf {} + 2>/dev/null
  renice 10 $$ >/dev/null 2>&1
  if wants_spare; then make_spare; fi
}

# Makes a pack of those lines of file $1 that folder $2 still has. The job may be at work there already: what is copied counts
# by its hash, and by copy or reflink, never by hard link, since a job that appends would change the store.
stock() {
  kib=$(cut -b71- "$1" | sed 's,^,./,' | tr '\n' '\0' | (cd "$2" && xargs -0 -r du -k 2>/dev/null) | awk '{ all += $1 } END { print all + 0 }')
  free_space
  [ "${free_kib:-0}" -gt $((kib * 2 + 65536)) ] || return 0
  now
  pack=$now-$$-${boot%%-*}
  folder=$root/store/in/$pack
  mkdir -p "$folder/tree" || return 0
  cut -b71- "$1" | copy_paths "$2" "$folder/tree" 2>/dev/null
  cp "$1" "$folder/list" || return 0
  heavy=1
  verified "$folder/list" "$folder/tree" >"$folder/index"
  if [ -s "$folder/index" ]; then
    cut -b-64 "$folder/index" >"$folder/hashes"
    rm -f "$folder"/list*
    mv "$folder" "$root/store/$pack"
  else
    rm -rf "$folder"
  fi
}

# Waits while what an upload has brought is on its way into the store, and a moment for a spare that is nearly there.
await_stock() {
  tries=0
  while lives "$root/spare/maker"; do
    [ "$tries" -lt 20 ] || { [ -e "$root/spare/stocking" ] && [ "$tries" -lt 1200 ]; } || break
    tries=$((tries + 1))
    nap
  done
}

# Copies the paths on standard input from folder $1 into folder $2, in few processes, by reflink where the file system can.
copy_paths() {
  if [ "$(reflink)" = --reflink=auto ]; then
    (cd "$1" && tr '\n' '\0' | xargs -0 -r cp -a --parents --remove-destination --reflink=auto -t "$2" --)
  else
    # shellcheck disable=SC2016 # for the inner shell
    (cd "$1" && sed 's,^,./,' | tr '\n' '\0' | xargs -0 -r sh -c 'tar -cf - "$@" | tar -xpf - -C "$0"' "$2")
  fi
}

reflink() {
  if [ -z "${reflink:-}" ]; then
    reflink=-f
    cp --version 2>/dev/null | grep -q GNU && reflink=--reflink=auto
  fi
  echo "$reflink"
}

# Copies the lines of the file remaining from the packs into the work folder; writes the hashes that no pack has into lost.
place_remaining() {
  set -- "$root"/store/[0-9]*/index
  [ -e "$1" ] || set --
  at=$#
  while [ "$at" -gt 0 ] && [ -s remaining ]; do
    eval "pack=\${$at}"
    at=$((at - 1))
    awk 'FILENAME == ARGV[1] { wanted[$0] = 1; next } $0 in wanted' remaining "$pack" >here || fail broken awk
    [ -s here ] || continue
    pack=${pack%/index}
    touch "$pack"
    cut -b71- here | copy_paths "$pack/tree" "$dir/work" 2>>problems || fail copy "$(tail -n 1 problems)"
    awk 'FILENAME == ARGV[1] { done[$0] = 1; next } !($0 in done)' here remaining >rest || fail broken awk
    mv rest remaining
  done
  [ ! -s remaining ] || copy_renamed "$@"
}

# Copies what the store has, or what came with this upload, under another name or mode, one by one.
copy_renamed() {
  rm -f lost
  for each in "$control"/placed.*; do [ ! -e "$each" ] || set -- "$@" "$each"; done
  awk -v work="$dir/work/" '
    FILENAME != "remaining" {
      hash = substr($0, 1, 64)
      if (hash in from) next
      from[hash] = (FILENAME ~ /\/index$/ ? substr(FILENAME, 1, length(FILENAME) - 5) "tree/" : work) substr($0, 71)
      next
    }
    { hash = substr($0, 1, 64); if (hash in from) { print from[hash]; print substr($0, 66, 4); print substr($0, 71) } else print hash >"lost" }
  ' "$@" remaining >moves || fail broken awk
  while IFS= read -r source && IFS= read -r mode && IFS= read -r target; do
    target=$dir/work/$target
    mkdir -p "${target%/*}"
    { cp -a "$source" "$target.$$" && chmod "$mode" "$target.$$" && mv -f "$target.$$" "$target"; } 2>>problems ||
      fail copy "$(tail -n 1 problems)"
  done <moves
}

# Is a spare worth its space? For many files, and not for large ones; and only of what a client knows wholly.
wants_spare() {
  get "$control/tree/name"
  case $got in '' | changing | unnamed) return 1 ;; esac
  [ -e "$control/tree/list" ] && [ "$(wc -l <"$control/tree/list")" -ge 16 ] || return 1
  kib=$(du -sk "$dir/work" | cut -f1)
  free_space
  [ "$kib" -le 262144 ] && [ "$free_kib" -gt $((kib * 8)) ]
}

# Made in a folder of its own, which takes its name when it is whole.
make_spare() {
  for new in "$root"/spare/new.*; do
    started "${new##*.}" || rm -rf "$new"
  done
  new=$root/spare/new.$$
  mkdir -p "$new/work" "$new/sync" || return
  # Taken at once, before another upload comes.
  cp -r "$control/tree" "$new/tree"
  get "$new/tree/name"
  taken=$got
  fold "$new/tree"
  get "$control/tree/name"
  if [ "$taken" = "$got" ] && cd "$new/sync"; then
    cp "$new/tree/list" remaining
    dir=$new
    place_remaining
    cd "$root" || return
    if [ ! -s "$new/sync/lost" ]; then
      rm -rf "$new/sync"
      # Two are enough: one for each of two projects.
      for spare in "$root"/spare/[0-9]*; do
        set -- "$root"/spare/[0-9]*
        [ $# -ge 2 ] && rm -rf "$spare"
      done
      now
      mv "$new" "$root/spare/$now-$$"
    fi
  fi
  rm -rf "$new"
}
