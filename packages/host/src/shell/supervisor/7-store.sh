# Uploads. What comes goes straight into the work folder and counts once it has the hash that it is named by. The store, from
# which later attempts are served, is filled afterwards from there, out of the way (8-stock.sh). No process is started per
# file, and few per upload: on a busy machine each costs more than all the work that it does.
#
# A line is "hash mode path"; the path begins at column 71. control/tree holds the lines of what the work folder has, and the
# name that the client gave to that list: "changing" while it is not sure, "unnamed" when no client knows it all. Lines that
# came since, and paths that went, lie beside it in "come" and "gone" until somebody needs the whole list.

# Those lines of file $1 that are true of folder $2; the others go to $1.others. A line of sums that begins with a backslash
# has those of its name doubled.
verified() {
  sum_lines "$1" "$2" >"$1.sums"
  awk -v others="$1.others" '
    FILENAME == ARGV[1] && /^\\/ { $0 = substr($0, 2); gsub(/\\\\/, "\\") }
    FILENAME == ARGV[1] { sum[substr($0, 69)] = substr($0, 1, 64); next }
    sum[substr($0, 71)] == substr($0, 1, 64) { print; next }
    { print >others }' "$1.sums" "$1"
}

# Puts into the list of tree $1 what lies beside it.
fold() {
  [ -e "$1/come" ] || return 0
  [ -e "$1/gone" ] || : >"$1/gone"
  awk '
    FILENAME == ARGV[1] { gone[$0] = 1; next }
    FILENAME == ARGV[2] { gone[substr($0, 71)] = 1; print; next }
    !(substr($0, 71) in gone)' "$1/gone" "$1/come" "$1/list" >"$1/folded" || fail broken awk
  mv "$1/folded" "$1/list"
  rm -f "$1/come" "$1/gone"
}

# Hashes of the files of folder $2 that the lines of file $1 name; of a few in one process.
sum_lines() (
  lines=$1
  folder=$2
  set --
  while IFS= read -r line && [ $# -le 64 ]; do set -- "$@" "./${line#* * }"; done <"$lines"
  if [ $# -le 64 ] && [ -n "$(command -v sha256sum)" ]; then
    cd "$folder" && [ $# -gt 0 ] && exec sha256sum "$@" 2>/dev/null
  else
    sed 's,^.\{70\},./,' "$lines" | tr '\n' '\0' | (cd "$folder" && sums)
  fi
)

# Makes folder $coming for what this process receives; the next upload looks there for what a broken link has left.
begin_coming() {
  coming=$control/coming.$$
  mkdir -p "$coming" || fail disk-full
  started $$ && echo "$$ $ticks $boot" >"$coming/owner"
}

# An archive of $1 bytes of the files in the list that came before; without one, of all that is needed.
unpack() {
  begin_change
  frame "$1" | tar -xpf - -C "$dir/work" 2>/dev/null
  list=$coming/list
  [ -e "$list" ] || list=$coming/need
  verified "$list" "$dir/work" >>"$control/placed.$$"
}

# The folders of what the lines of file $1 name. Two tars that make the same one at the same time leave out a file.
make_folders() {
  begin_change
  cut -b71- "$1" | sed -n 's,/[^/]*$,,p' | uniq | tr '\n' '\0' | (cd "$dir/work" && xargs -0 -r mkdir -p -- 2>/dev/null) || :
}

# From here on it is not sure what the work folder has, until the list is written anew.
begin_change() {
  [ -d "$dir/work" ] || mkdir -p "$dir/work" || fail disk-full
  [ -d "$control/tree" ] || mkdir "$control/tree"
  echo changing >"$control/tree/name"
}

# One stream of small files: "list BYTES", the list, then "tar BYTES" and an archive of them.
receive() {
  claim
  LC_ALL=C
  export LC_ALL
  heavy=1
  begin_coming
  while read -r kind size; do
    case $kind in
      list)
        frame "$size" >"$coming/list"
        make_folders "$coming/list"
        ;;
      tar) unpack "$size" ;;
      *) break ;;
    esac
  done
  rm -rf "$coming"
  echo done
}

# One stream of ranges of big files: "hash offset length", then the bytes. Each range is noted once it is whole, so that
# a broken link costs one range.
receive_ranges() {
  claim
  while read -r hash offset length; do
    [ -d "$root/store/big/$hash" ] || mkdir -p "$root/store/big/$hash"
    blocks=$((length / 65536))
    rest=$((length % 65536))
    # One open file for both: the second goes on where the first stopped. The first seeks even when it copies nothing.
    {
      dd bs=65536 seek=$((offset / 65536)) count="$blocks" iflag=fullblock conv=notrunc
      [ "$rest" -eq 0 ] || dd bs="$rest" count=1 iflag=fullblock conv=notrunc
    } 1<>"$root/store/big/$hash/data" 2>/dev/null
    printf '%s %s\n' "$offset" "$length" >>"$root/store/big/$hash/ranges"
  done
  echo done
}

# The conversation of one upload. It says what the work folder could begin with, hears what is wanted, answers with what is
# missing where it is asked, takes contents here or over other channels, and has the work tree built.
sync_tree() {
  begin_coming
  claim
  LC_ALL=C
  export LC_ALL
  cd "$coming" || fail disk-full
  base=
  name=unnamed
  salvage
  offer_bases
  while read -r kind size rest; do
    case $kind in
      base) adopt "$size" ;;
      gone)
        frame "$size" >gone
        begin_change
        sed 's,^,./,' gone | tr '\n' '\0' | (cd "$dir/work" && xargs -0 rm -f)
        ;;
      need) frame "$size" >need ;;
      want)
        frame "$size" >want
        find_missing
        ;;
      space)
        [ -d "$dir/work" ] || mkdir "$dir/work" || fail disk-full
        free_space
        [ $((${free_kib:-0} * 1024)) -ge "$size" ] || fail disk-full "$size" $((${free_kib:-0} * 1024))
        ;;
      list) frame "$size" >list ;;
      tar) unpack "$size" ;;
      big) assemble "$size" "${rest%% *}" "${rest#* }" ;;
      links) frame "$size" >links ;;
      place) frame "$size" >place ;;
      name) name=$size ;;
      build)
        build
        break
        ;;
      *) fail unsupported "$kind" ;;
    esac
  done
  cd "$root" || exit 0
  # Left to those who tidy up behind us, where there are any.
  [ -n "${touched:-}" ] || rm -rf "$coming"
}

# Takes over what an upload of this attempt that broke off has left: whatever is whole by now stays. What another attempt
# has left goes into the store.
salvage() {
  for left in "$control"/coming.*; do
    [ "$left" != "$coming" ] || continue
    [ -d "$left" ] || continue
    lives "$left/owner" && kill -s KILL "$pid" 2>/dev/null
    for each in "$left/list" "$left/need"; do [ ! -e "$each" ] || cat "$each" >>found; done
    rm -rf "$left"
  done
  for left in "$control"/placed.*; do
    [ -e "$left" ] || continue
    cat "$left" >>found
    rm -f "$left"
  done
  if [ -s found ]; then verified found "$dir/work" >"$control/placed.$$"; fi
  for left in "$root"/attempts/*/control/coming.*/list; do
    [ -e "$left" ] || continue
    owner=${left%/list}/owner
    other=${left%/control/coming.*}
    [ "$other" != "$dir" ] && ! lives "$owner" || continue
    [ -d "$dir/work" ] || mkdir "$dir/work"
    stock "$left" "$other/work"
    rm -rf "${left%/list}"
  done
}

# Says what the work folder could begin with: what it is, or one that was made in advance.
offer_bases() {
  [ ! -d "$control/launching" ] || rm -rf "$control/tree"
  get "$control/tree/name"
  # After a break nothing about it is sure; once the job has begun, it is the job's.
  [ "$got" != changing ] || rm -rf "$control/tree"
  fold "$control/tree"
  if [ -e "$control/tree/list" ]; then
    [ "$got" = unnamed ] || echo "base work $got"
  else
    await_stock
    # A work folder in which something lies stays as it is.
    [ ! -d "$dir/work" ] || rmdir "$dir/work" 2>/dev/null
    for spare in "$root"/spare/[0-9]*; do
      [ ! -d "$dir/work" ] || break
      get "$spare/tree/name"
      [ -z "$got" ] || echo "base ${spare##*/} $got"
    done
  fi
  echo .
}

# Begins with base $1. Whoever moves a spare has it; one that is gone shows in the answer to build.
adopt() {
  base=$1
  [ "$base" != work ] || return 0
  [ ! -e "$control/spare" ] || rm -rf "$control/spare"
  mv "$root/spare/$base" "$control/spare" 2>/dev/null && echo changing >"$control/spare/tree/name" &&
    mv "$control/spare/tree" "$control/tree" && mv "$control/spare/work" "$dir/work" || base=gone
}

# Of the lines in want writes those that the work folder has not into need, and answers with the hashes that have not come
# and are not in the store, and with the ranges of big files that an earlier try has left.
find_missing() {
  known=$control/tree/list
  [ -e "$known" ] || known=/dev/null
  : >need
  set -- "$known"
  for each in "$control"/placed.* "$root"/store/[0-9]*/hashes; do [ ! -e "$each" ] || set -- "$@" "$each"; done
  awk '
    FILENAME == ARGV[1] { known[$0] = 1; next }
    FILENAME != "want" { have[$0] = 1; next }
    $0 in known { next }
    { print >"need"; hash = substr($0, 1, 64) }
    !($0 in have) && !(hash in have) { have[hash] = 1; print hash }
  ' "$@" want || fail broken awk
  for big in "$root"/store/big/*/ranges; do
    [ -e "$big" ] || continue
    hash=${big%/ranges}
    sed "s/^/r ${hash##*/} /" "$big"
  done
  echo .
}

# Big file $2 has come: puts it at path $3 with mode $1 when it is what it should be.
assemble() {
  begin_change
  target=$dir/work/$3
  mkdir -p "${target%/*}"
  heavy=1
  sum=$(cd "$root/store/big/$2" 2>/dev/null && printf 'data\0' | sums)
  if [ "${sum%% *}" = "$2" ] && [ ! -d "$target" ]; then
    chmod "$1" "$root/store/big/$2/data" && mv -f "$root/store/big/$2/data" "$target" &&
      printf '%s %s %s\n' "$2" "$1" "$3" >>"$control/placed.$$"
  fi
  rm -rf "$root/store/big/$2"
}

# Puts in place what did not come because the store has it, writes down what the work folder has now, and answers with the
# hashes that are not there.
build() {
  if [ "$base" = gone ]; then
    echo stale
    echo .
    return
  fi
  touched=
  case $base in '' | work) ;; *) touched=1 ;; esac
  if [ -n "$touched" ] || [ -s need ] || [ -s gone ]; then
    touched=1
    write_lines
  fi
  [ -d "$dir/work" ] || mkdir "$dir/work"
  [ ! -s links ] || check_links
  [ ! -e place ] || (cd "$dir/work" && sh "$coming/place" 2>>"$coming/problems") || fail copy "$(tail -n 1 problems)"
  # Away from the channel, which ends with the answer.
  [ -z "$touched" ] || detach sh "$script" stock "$root" "$mark" 0
  echo .
}

write_lines() {
  # Nobody knows the whole list when there was one that the client did not begin with.
  [ -n "$base" ] || [ ! -e "$control/tree/list" ] || name=unnamed
  begin_change
  [ -e need ] || : >need
  if [ -e list ] || [ ! -e need.sums ]; then
    : >remaining
    set --
    for each in "$control"/placed.*; do [ ! -e "$each" ] || set -- "$@" "$each"; done
    awk 'FILENAME != "need" { placed[$0] = 1; next } !($0 in placed)' "$@" need >remaining || fail broken awk
  elif [ -s need.others ]; then
    # All that is needed came in one archive.
    mv need.others remaining
  fi
  [ ! -s remaining ] || place_remaining
  if [ -s lost ]; then
    sed 's/^/lost /' lost
    awk 'FILENAME == "lost" { lost[$0] = 1; next } !(substr($0, 1, 64) in lost)' lost need >rest && mv rest need
    name=unnamed
  fi
  if [ -e "$control/tree/list" ]; then
    fold "$control/tree"
    [ ! -s gone ] || mv gone "$control/tree/gone"
    mv need "$control/tree/come"
  else
    mv need "$control/tree/list"
  fi
  echo "$name" >"$control/tree/name"
  for each in "$control"/placed.*; do
    [ ! -e "$each" ] || mv "$each" "$control/stock.${each##*.}"
  done
}

# Links have no content to verify, but they must be there.
check_links() {
  while IFS= read -r line; do
    [ -h "$dir/work/${line#* * }" ] || echo "lost ${line%% *}"
  done <links
}
