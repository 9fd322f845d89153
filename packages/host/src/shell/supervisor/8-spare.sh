# Spares: a work folder made in advance from the store, for the next attempt on this machine. Copying thousands of small
# files takes longer than all else of sending a few that changed.

# Makes a spare of what the attempt's work folder was built as. Started when the upload is over, and in nobody's way.
make_spare() {
  # What nobody used for two weeks makes room.
  find "$root/store" -mindepth 1 -maxdepth 1 -name '[0-9]*' -mtime +14 -exec rm -rf {} + 2>/dev/null
  wants_spare || return
  mkdir -p "$root/spare"
  lives "$root/spare/maker" && return
  renice 10 $$ >/dev/null 2>&1
  record "$root/spare/maker"
  new=$root/spare/new.$$
  rm -rf "$root"/spare/new.*
  mkdir -p "$new/work" "$new/sync" || return
  # Only what an upload has wholly described; taken at once, before another one comes.
  [ ! -e "$control/tree/changing" ] && cp -r "$control/tree" "$new/tree" && [ ! -e "$control/tree/changing" ] || return
  cd "$new/sync" || return
  LC_ALL=C
  export LC_ALL
  cat "$new"/tree/[0-9a-f][0-9a-f] >need
  cp need remaining
  dir=$new
  place_remaining
  if [ ! -s lost ]; then
    cd "$root" || return
    rm -rf "$new/sync"
    # Two are enough: one for each of two projects.
    for spare in "$root"/spare/[0-9]*; do
      set -- "$root"/spare/[0-9]*
      [ $# -ge 2 ] && rm -rf "$spare"
    done
    now
    mv "$new" "$root/spare/$now-$$"
  fi
  rm -rf "$new" "$root/spare/maker"
}

# Is a spare worth its space? For many files, and not for large ones.
wants_spare() {
  [ -e "$control/tree/digests" ] && [ ! -e "$control/tree/changing" ] || return 1
  set -- "$control"/tree/[0-9a-f][0-9a-f]
  [ $# -ge 200 ] || return 1
  kib=$(du -sk "$dir/work" | cut -f1)
  free_space
  [ "$kib" -le 262144 ] && [ "$free_kib" -gt $((kib * 8)) ]
}

# Takes a spare as work folder, when at least half of it is what this upload describes.
adopt_spare() {
  [ ! -e "$control/tree" ] && [ ! -d "$control/launching" ] || return 0
  # One that is nearly there is waited for: making the tree here would take as long.
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    lives "$root/spare/maker" || break
    nap
  done
  for spare in "$root"/spare/[0-9]*; do
    [ -e "$spare/tree/digests" ] || continue
    half=$(awk 'FILENAME == "digests" { mine[$0] = 1; all++; next } $0 in mine { same++ } END { if (2 * same >= all) print "yes" }' digests "$spare/tree/digests")
    [ "$half" = yes ] || continue
    # Whoever moves it has it; a work folder that is not empty stays as it is.
    rmdir "$dir/work" 2>/dev/null || return 0
    rm -rf "$control/spare"
    if mv "$spare" "$control/spare" 2>/dev/null; then
      : >"$control/spare/tree/adopted"
      mv "$control/spare/work" "$dir/work" && mv "$control/spare/tree" "$control/tree"
      rm -rf "$control/spare"
    fi
    [ -d "$dir/work" ] || mkdir "$dir/work"
    return 0
  done
}

# Removes from an adopted spare what this upload does not name.
remove_strangers() {
  [ -e "$control/tree/adopted" ] || return 0
  awk -v tree="$control/tree/" '
    FILENAME == "want" { named[substr($0, 74)] = 1; next }
    FILENAME == "digests" { mine[substr($0, 1, 2)] = $0; next }
    {
      bucket = substr($0, 1, 2)
      if (mine[bucket] == $0) next
      while ((getline line <(tree bucket)) > 0) if (!(substr(line, 71) in named)) print substr(line, 71)
      close(tree bucket)
      if (!(bucket in mine)) print bucket >"gone"
    }' want digests "$control/tree/digests" >strangers || fail broken awk
  [ ! -s strangers ] || sed 's,^,./,' strangers | tr '\n' '\0' | (cd "$dir/work" && xargs -0 rm -f)
}
