/**
 * What runs on a host, as one POSIX `sh` script: `sh -c SCRIPT gpujob FOLDER OPERATION ARGUMENT…`. It needs nothing but
 * `sh`, the usual small tools and `/proc`. It answers in lines of fields divided by tabs (see `readReport`).
 *
 * In FOLDER, which all users of the host share (mode 1777):
 *
 * - `card-CARD.NUMBER` claims a card. It is a symbolic link whose text is `BOOT:PID:START:LEASEKEY:USER`: like `mkdir` its
 *   making is atomic and fails where the name exists, and unlike a folder it is never there without its content. The
 *   claim counts while that process of that boot lives. Stale ones of other users cannot be removed, so the next claim
 *   takes the next number; whoever made one looks again and gives way to any other that lives.
 * - `at-LEASEKEY.…` is a folder of one lease: `name` (ownership), `cards`, `holder`, `until` (host uptime in seconds),
 *   `created`, and `ended` once released.
 * - `lease-LEASEKEY` links to it. Making this link is what makes the lease: everything before it undoes itself. Once
 *   released it is called `done-LEASEKEY` and forgotten after a week.
 *
 * The holder is a process that does nothing but live. It ends when told to, when `until` has passed, or when its lease was
 * never made; the cards are free from that moment.
 */
export const hostScript = `set -u
LC_ALL=C; export LC_ALL
umask 022
PATH=$PATH:/usr/local/nvidia/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin
tab=$(printf '\\t')
shared=$1 operation=$2
shift 2
read -r boot </proc/sys/kernel/random/boot_id
user=$(id -un 2>/dev/null || id -u)

uptime_now() { read -r up rest </proc/uptime; echo "\${up%%.*}"; }

# Sets started to the start time of a process; fails where it is gone or a zombie.
find_start() {
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=\${stat##*") "}
  set -- $stat
  [ "$1" != Z ] && started=\${20}
}

# is_live BOOT PID START
is_live() {
  [ "$1" = "$boot" ] || return 1
  case $2 in '' | *[!0-9]*) return 1 ;; esac
  if find_start "$2"; then [ "$started" = "$3" ]; return; fi
  [ ! -e "/proc/$2" ] || return 1
  # With hidepid other people's processes are not in /proc.
  case $(kill -s 0 "$2" 2>&1) in *ermitted*) return 0 ;; esac
  return 1
}

# Sets top to the highest number of a card's claims, and claim to the lease key and user of one that lives and is not mine.
mine=
find_claim() {
  card=$1 top=0 claim=
  for link in "$shared/card-$card".*; do
    [ -h "$link" ] || continue
    number=\${link##*.}
    case $number in '' | *[!0-9]* | ?????????*) continue ;; esac
    [ "$number" -le "$top" ] || top=$number
    text=$(readlink "$link") || continue
    saved=$IFS; IFS=:; set -- $text; IFS=$saved
    [ $# -eq 5 ] && [ "$text" != "$mine" ] && is_live "$1" "$2" "$3" && claim=$4$tab$5
  done
}

open_shared() {
  [ -d "$shared" ] || mkdir -p "\${shared%/*}" 2>/dev/null
  [ -d "$shared" ] || mkdir -m 1777 "$shared" 2>/dev/null
  [ -d "$shared" ] && [ ! -h "$shared" ] && [ -w "$shared" ] && return
  echo "problem\${tab}folder\${tab}$shared cannot be written by $user"
  exit 0
}

# Sets folder to that of a lease, released ones too; fails where there is none.
find_lease() {
  text=$(readlink "$shared/lease-$1" || readlink "$shared/done-$1") 2>/dev/null || return 1
  case $text in */* | '') return 1 ;; at-*) folder=$shared/$text ;; *) return 1 ;; esac
  [ -d "$folder" ]
}

# read_file NAME: sets value to the first line of a file of the lease.
read_file() { value=; { read -r value <"$folder/$1"; } 2>/dev/null || :; }

# Sets state to up, stopped (no holder, though the machine was not started anew), rebooted or ended.
find_state() {
  read_file holder
  set -- $value
  if [ -f "$folder/ended" ]; then state=ended
  elif is_live "\${1-}" "\${2-}" "\${3-}"; then state=up
  elif [ "\${1-}" = "$boot" ]; then state=stopped
  else state=rebooted
  fi
}

show_lease() {
  find_lease "$1" || return 1
  find_state
  line=lease$tab$1$tab$state
  for part in name cards created user; do read_file $part; line=$line$tab$value; done
  echo "$line"
}

must_own() {
  [ -O "$folder" ] || [ "$(id -u)" = 0 ] && return
  echo "problem\${tab}owner\${tab}the lease belongs to another user of this host"
  exit 0
}

set_until() {
  echo $(($(uptime_now) + $1)) >"$folder/until.new" && mv -f "$folder/until.new" "$folder/until"
}

# Sets pid and started.
start_holder() {
  setsid=$(command -v setsid || command -v nohup || :)
  $setsid sh -c "$holder" gpujob-holder "$folder" "$shared/lease-$key" >/dev/null 2>&1 </dev/null &
  pid=$!
  find_start "$pid"
  mine=$boot:$pid:$started:$key:$user
}

# claim_cards COUNT CARD…: sets got to the cards that are ours now.
claim_cards() {
  count=$1 got= links=
  shift
  for wanted in "$@"; do
    [ "$count" -gt 0 ] || break
    find_claim "$wanted"
    [ -z "$claim" ] || continue
    next=$((top + 1)) ours=$shared/card-$wanted.$((top + 1))
    ln -s "$mine" "$ours" 2>/dev/null && [ "$(readlink "$ours")" = "$mine" ] || continue
    find_claim "$wanted"
    if [ -n "$claim" ]; then rm -f "$ours"; continue; fi
    got="$got $wanted" links="$links $ours" count=$((count - 1))
    while [ $((next -= 1)) -gt 0 ] && [ -h "$shared/card-$wanted.$next" ]; do
      rm -f "$shared/card-$wanted.$next" 2>/dev/null
    done
  done
  echo "$links" >"$folder/links"
  [ "$count" -eq 0 ]
}

forget_old() {
  oldest=$(($(date +%s) - 604800))
  for link in "$shared"/done-* "$shared"/lease-*; do
    find_lease "\${link##*/*-}" && [ -O "$folder" ] || continue
    read_file created
    case $value in '' | *[!0-9]*) continue ;; esac
    [ "$value" -lt "$oldest" ] || continue
    find_state
    case $state in ended | rebooted) rm -rf "$link" "$folder" ;; esac
  done
}

within() { if command -v timeout >/dev/null; then timeout 20 "$@"; else "$@"; fi; }

show_cards() {
  for link in "$shared"/card-*; do
    [ -h "$link" ] || continue
    card=\${link##*/card-} card=\${card%.*}
    case " \${seen-} " in *" $card "*) continue ;; esac
    seen="\${seen-} $card"
    find_claim "$card"
    [ -z "$claim" ] || echo "claim$tab$card$tab$claim"
  done
}

show_docker() {
  if ! command -v docker >/dev/null; then state=missing
  elif [ ! -S /var/run/docker.sock ]; then state=stopped
  elif [ -w /var/run/docker.sock ] || sudo -n true 2>/dev/null; then state=usable
  else state=forbidden
  fi
  echo "docker\${tab}$state"
}

show_tools() {
  if command -v nvidia-smi >/dev/null; then
    within nvidia-smi --query-gpu=index,uuid,memory.total,memory.used,name --format=csv,noheader,nounits 2>&1 | sed "s/^/nvidia$tab/"
    within nvidia-smi --query-compute-apps=gpu_uuid,pid --format=csv,noheader 2>&1 | sed "s/^/apps$tab/"
    within nvidia-smi topo -m 2>/dev/null | grep '^GPU' | tr '\\t' ' ' | sed "s/^/topo$tab/"
  fi
  if command -v npu-smi >/dev/null; then within npu-smi info 2>&1 | sed "s/^/npu$tab/"; fi
}

# The address from which this machine would reach others; asking for a route sends nothing.
show_address() {
  address=$(ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \\([0-9.]*\\).*/\\1/p')
  [ -n "$address" ] || address=$(hostname -I 2>/dev/null | cut -d' ' -f1)
  echo "address\${tab}$address"
}

show_machine() {
  echo "host\${tab}$boot\${tab}$user\${tab}$(uptime_now)"
  echo "size\${tab}$(nproc 2>/dev/null || grep -c ^processor /proc/cpuinfo)\${tab}$(sed -n 's/^MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo)\${tab}$(df -Pk "\${1:-$HOME}" 2>/dev/null | awk 'NR==2{print $4}')"
}

show_address
case $operation in
  state)
    show_machine "$1"
    show_docker
    show_cards
    show_tools
    for link in "$shared"/lease-*; do [ ! -h "$link" ] || show_lease "\${link##*/lease-}"; done
    ;;
  lease)
    show_lease "$1"
    ;;
  create)
    key=$1 name=$2 seconds=$3 count=$4 cards=$5 holder=$6
    open_shared
    show_lease "$key" && exit 0
    forget_old
    folder=$shared/at-$key.$$.$(uptime_now)
    mkdir "$folder" || exit 1
    set_until "$seconds"
    start_holder
    if ! claim_cards "$count" $cards; then
      kill "$pid"
      rm -rf "$folder"
      echo "problem\${tab}taken\${tab}of the cards wanted, too few are free"
      exit 0
    fi
    echo "$name" >"$folder/name"
    echo $got >"$folder/cards"
    echo "$user" >"$folder/user"
    date +%s >"$folder/created"
    echo "$boot $pid $started" >"$folder/holder"
    ln -s "\${folder##*/}" "$shared/lease-$key" 2>/dev/null
    if [ "$(readlink "$shared/lease-$key")" = "\${folder##*/}" ]; then
      : >"$folder/made"
    else
      # The same create came twice at once, and the other was first. ln may have put our link into its folder.
      kill "$pid"
      rm -rf "$folder" "$shared/lease-$key/\${folder##*/}"
    fi
    show_lease "$key"
    ;;
  extend)
    key=$1 seconds=$2 holder=$3
    find_lease "$key" || exit 0
    must_own
    find_state
    case $state in up | stopped) set_until "$seconds" ;; esac
    if [ "$state" = stopped ]; then
      read_file cards
      set -- $value
      start_holder
      if claim_cards $# "$@"; then echo "$boot $pid $started" >"$folder/holder"; else kill "$pid"; fi
    fi
    show_lease "$key"
    ;;
  release)
    key=$1
    find_lease "$key" || exit 0
    must_own
    find_state
    if [ "$state" = up ]; then
      read_file holder
      set -- $value
      kill "$2"
      tries=0
      while is_live "$1" "$2" "$3" && [ $((tries += 1)) -lt 60 ]; do [ $tries -lt 50 ] || sleep 1; done
      is_live "$1" "$2" "$3" && kill -s KILL "$2"
    fi
    : >"$folder/ended"
    [ ! -h "$shared/lease-$key" ] || mv -f "$shared/lease-$key" "$shared/done-$key"
    show_lease "$key"
    ;;
esac
exit 0
`;

/**
 * The holder: `sh -c SCRIPT gpujob-holder FOLDER LINK`. Once an hour it renews the age of what it keeps, because cleaners of
 * /tmp remove what is old.
 */
export const holderScript = `folder=$1 link=$2 round=0 end=0
trap 'kill $! 2>/dev/null; exit 0' TERM INT HUP
while :; do
  read -r end <"$folder/until"
  read -r up rest </proc/uptime
  [ "\${up%%.*}" -lt "$end" ] || exit 0
  # The lease must be made within seconds of our start, else whoever began it has died.
  [ -f "$folder/made" ] || [ $round -lt 3 ] || exit 0
  if [ $((round % 360)) -eq 359 ]; then
    set -- $(cat "$folder/links")
    touch "$folder" "$folder"/*
    touch -h "$link" "$@"
  fi
  round=$((round + 1))
  sleep 10 &
  wait $!
done
`;
