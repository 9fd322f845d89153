# Runs on the rented machine. One POSIX sh program, put together from the files of this folder in order of their names.
# sh supervisor.sh COMMAND …; see the README of the package for the layout, the protocol and why it is as it is.
protocol=1
# Ours stays closed to others; the job gets back what it would have had.
[ -n "${GPUJOB_UMASK:-}" ] || GPUJOB_UMASK=$(umask)
export GPUJOB_UMASK
umask 077
clocks=${GPUJOB_CLOCKS:-/proc}
newline='
'

# Host uptime in milliseconds -> $now. No process is started: this runs every second for days.
now() {
  read -r now _ <"$clocks/uptime"
  case $now in
    *.*) now=$((${now%.*} * 1000 + 1${now#*.} * 10 - 1000)) ;;
    *) now=${now}000 ;;
  esac
}

# Wall clock in whole seconds -> $wall.
wall() {
  if [ "$clocks" != /proc ] && [ -r "$clocks/wall" ]; then
    read -r wall <"$clocks/wall"
  elif [ -n "${EPOCHREALTIME:-}" ]; then
    wall=${EPOCHREALTIME%[.,]*}
  elif [ -n "${BASH_VERSION:-}" ]; then
    # An older bash; another shell never gets here.
    printf -v wall '%(%s)T' -1
  else
    wall=$(date +%s)
  fi
}

# First line of file $1 -> $got. Empty when it is missing or not ended by a newline: half a line never counts.
get() {
  got=
  # Asked first: turning complaints away costs more than the reading. It may still vanish in between.
  [ -r "$1" ] || return 0
  read -r got <"$1" || got=
}

# Writes line $2 into file $1 by rename: a reader sees the old line or the new one.
put() {
  printf '%s\n' "$2" >"$1.$$.new" && mv -f "$1.$$.new" "$1"
}

# Can the disk be written at all? Opening a file that is there needs neither space nor an inode.
writable() {
  { true >>"$control/probe"; } 2>/dev/null
}

# Gives up what was set aside, so that the end of the job can still be written.
give_reserve() {
  rm -f "$control/reserve" "$control"/reserve.*
}

# Waits $1 seconds; a CONT that comes meanwhile ends it early. Starting a sleep costs more than all of a look around, so a
# shell whose read knows a time waits on a pipe that nobody writes into.
rest() {
  [ -n "${rests:-}" ] || find_rest
  if [ "$rests" = pipe ]; then
    read -r -t "$1" _ <&9
  else
    # Away from the channel, which must not stay open for a sleep.
    sleep "$1" >/dev/null 2>&1 &
    wait $!
  fi
}

# What looks around every second, for days, does so in a shell that can rest and read the clock by itself, where there is
# one. In its other mode a bash would not let a signal end its rest.
become_bash() {
  if [ -n "${BASH_VERSION:-}" ]; then
    set -o posix
  elif command -v bash >/dev/null && bash -c : 2>/dev/null; then
    exec bash --posix "$script" "$action" "$@"
  fi
}

# Tried, because shells differ in what they do with -t and with fractions -> $rests.
find_rest() {
  rests=sleep
  { mkfifo "$control/rest.$$" && exec 9<>"$control/rest.$$"; } 2>/dev/null || return 0
  rm -f "$control/rest.$$"
  read -r began _ </proc/uptime
  { read -r -t 0.05 _ <&9; } 2>/dev/null
  status=$?
  read -r ended _ </proc/uptime
  # 2: it knows no such option. On a busy machine even a refusal takes a while.
  [ "$status" -eq 2 ] || [ $((1${ended%.*}${ended#*.} - 1${began%.*}${began#*.})) -lt 4 ] || rests=pipe
}

# Sleeps a short moment where fractions are understood, else a second.
nap() {
  sleep 0.05 2>/dev/null || sleep 1
}

# Start time of live process $1 -> $ticks. Fails when there is none, or only its zombie.
started() {
  ticks=
  { read -r stat_line <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The name is in brackets and may hold anything; the last bracket ends it.
  # shellcheck disable=SC2086 # split on purpose
  set -- ${stat_line##*) }
  case ${1:-Z} in Z | X) return 1 ;; esac
  ticks=${20:-}
  [ -n "$ticks" ]
}

# A process is known by number, start time and boot: a number alone is used again.
record() {
  started $$ && put "$1" "$$ $ticks $boot"
}

# Is the process written down in file $1 alive? Its number -> $pid.
lives() {
  get "$1"
  # shellcheck disable=SC2086 # split on purpose
  set -- $got
  pid=${1:-}
  [ $# -ge 3 ] && [ "$3" = "$boot" ] && started "$1" && [ "$ticks" = "$2" ]
}

# As lives for file $1, whose process was number $2 at the last look: one question to the kernel, and only now and then
# the whole check.
runs() {
  pid=$2
  if [ $((tick % 10)) -eq 0 ] || [ -z "$2" ] || [ ! -d "/proc/$2" ]; then
    lives "$1"
  fi
}

# Starts "$@" away from this session, and returns at once. The second setsid forks, because the first made it a leader.
# Never with `&`: a shell without job control makes background commands ignore SIGINT, for the job and for good.
detach() {
  if [ -n "$(command -v setsid)" ]; then
    setsid setsid "$@" </dev/null >>"$control/supervisor.log" 2>&1 9>&-
  else
    "$@" </dev/null >>"$control/supervisor.log" 2>&1 9>&- &
  fi
}

fail() {
  printf 'E %s\n' "$*"
  exit 40
}

# Names of the attempt folder $1: its control folder and mark.
attempt() {
  dir=$1
  control=$dir/control
  mark=${dir##*/}
  read -r boot </proc/sys/kernel/random/boot_id
}

# Highest epoch seen -> $seen. One empty file per epoch: two drivers writing at once can never lower it.
seen_epoch() {
  seen=0
  for file in "$control"/epoch.*; do
    file=${file##*/epoch.}
    case $file in *[!0-9]*) continue ;; esac
    [ "$file" -le "$seen" ] || seen=$file
  done
}

# Refuses a driver of an older epoch; notes that a driver of this epoch spoke.
claim() {
  seen_epoch
  [ "$epoch" -ge "$seen" ] || fail forbidden "$seen"
  [ -d "$control" ] || return 0
  # Not with `:`, whose failure to write would end a POSIX shell.
  [ "$epoch" -eq "$seen" ] || true >"$control/epoch.$epoch"
  now
  # A disk that cannot be written must not keep anybody from asking.
  { printf '%s\n' "$now" >"$control/contact"; } 2>/dev/null || true
}

# Exactly $1 bytes of standard input to standard output.
frame() {
  # One process where one can hold it all.
  if [ "$1" -gt 1048576 ]; then
    dd bs=65536 count="$(($1 / 65536))" iflag=fullblock 2>/dev/null
    [ "$(($1 % 65536))" -eq 0 ] || dd bs="$(($1 % 65536))" count=1 iflag=fullblock 2>/dev/null
  elif [ "$1" -gt 0 ]; then
    dd bs="$1" count=1 iflag=fullblock 2>/dev/null
  fi
}
