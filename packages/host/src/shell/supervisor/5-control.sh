# What a driver calls. Every command first refuses an older epoch.

# One line that says all: see the README.
beat() {
  read_beat
  printf '%s\n' "$line"
}

# -> $line
read_beat() {
  now
  if [ $((${beats:=0} % 10)) -eq 0 ] || [ "$clocks" != /proc ]; then
    wall
    wall_gap=$((wall * 1000 - now))
  fi
  beats=$((beats + 1))
  line="B $protocol up=$now wall=$((now + wall_gap)) boot=$boot"
  get "$control/exit"
  case $got in
    *' end')
      # shellcheck disable=SC2086 # split on purpose
      set -- $got
      line="$line state=ended log=$5 code=$1 reason=$2 started=$3 ended=$4"
      [ "$6" = - ] || line="$line xid=$6"
      return
      ;;
  esac
  if [ ! -e "$control/plan/numbers" ]; then
    line="$line state=absent log=0"
    return
  fi
  get "$control/state"
  # Between two ticks the job may have gone on from setup.
  if [ "$got" = setup ] && [ -e "$control/set-up" ] && { [ ! -e "$control/plan/barrier" ] || [ -e "$control/proceed" ]; }; then
    got=running
  fi
  line="$line state=${got:-ready}"
  [ "$got" != frozen ] || { get "$control/nonce"; line="$line nonce=$got"; }
  [ ! -e "$control/set-up" ] || line="$line setup=1"
  log_size
  # These change seldom, and each look costs a little with every beat.
  if [ -z "${can_write:-}" ] || [ $((beats % 3)) -eq 1 ]; then
    get "$control/stats"
    stats=$got
    writable
    can_write=$?
  fi
  line="$line log=$log $stats"
  [ "$can_write" -eq 0 ] || tell_lost_disk
}

# The end of a job whose disk turned read-only: nothing can be written down, so it is read off the processes.
tell_lost_disk() {
  if is_alive || lives "$control/runner"; then
    line="B $protocol up=$now wall=$((now + wall_gap)) boot=$boot state=stopping log=$log"
    return
  fi
  get "$control/began"
  line="B $protocol up=$now wall=$((now + wall_gap)) boot=$boot state=ended log=$log code=255 reason=disk-full"
  line="$line started=${got:-0} ended=$(((now + wall_gap) / 1000))"
}

# Receives the plan as frames. Nothing of it counts before the last one.
prepare() {
  now
  mkdir -p "$dir/work" "$dir/output" "$control/requests" "$control/watchers" "$root/cache"
  claim
  if [ ! -d "$control/launching" ]; then
    new=$control/plan.$$
    rm -rf "$new"
    mkdir "$new"
    while read -r name size; do
      [ "$name" != end ] || break
      frame "$size" >"$new/$name"
    done
    [ "${name:-}" = end ] || fail incomplete
    cp "$script" "$control/supervisor.new" && mv -f "$control/supervisor.new" "$control/supervisor.sh"
    # Space that is given up when the disk is full, so that the end can still be written.
    dd if=/dev/zero of="$control/reserve" bs=65536 count=16 2>/dev/null
    for number in 1 2 3 4 5 6 7 8 9 10 11 12; do echo >"$control/reserve.$number"; done
    writable
    while IFS== read -r key value; do
      case $key in
        timeLimitMs) put "$control/deadline" $((now + value)) ;;
        orphanMs) put "$control/orphan" "$value" ;;
        holdMs) put "$control/hold" "$value" ;;
      esac
    done <"$new/numbers"
    put "$control/boot" "$boot"
    rm -rf "$control/plan.old"
    [ ! -d "$control/plan" ] || mv "$control/plan" "$control/plan.old"
    mv "$new" "$control/plan" || fail disk-full
    open_gang
    rm -rf "$control/plan.old"
  fi
  beat
}

start() {
  claim
  [ -e "$control/plan/numbers" ] || fail absent
  if [ ! -e "$control/exit" ]; then
    if [ ! -e "$control/tether" ]; then
      read_plan
      now
      printf '%s\n' $((now + tetherLength)) >"$control/tether"
    fi
    : >"$control/wanted"
    ensure
    tries=0
    until [ -e "$control/exit" ] || [ "$tries" -gt 200 ]; do
      get "$control/state"
      case $got in setup | running | frozen | stopping) break ;; esac
      tries=$((tries + 1))
      nap
    done
  fi
  beat
}

# One command of a driver: $1 verb, then its arguments.
perform() {
  verb=$1
  case $verb in
    beat) ;;
    renew)
      now
      get "$control/state"
      job_state=$got
      get "$control/tether"
      # What has expired is only lifted by thaw; an older promise is a late packet.
      if [ "$job_state" != frozen ] && [ "$now" -lt "${got:-0}" ] && [ "$2" -gt "$got" ]; then
        # In place: a file that is cut to nothing first goes to the disk each time.
        printf '%s\n' "$2" 1<>"$control/tether"
      fi
      ;;
    limits)
      now
      [ "$2" = - ] || put "$control/deadline" $((now + $2))
      [ "$3" = - ] || put "$control/orphan" "$3"
      [ "$4" = - ] || put "$control/hold" "$4"
      [ ! -e "$control/wanted" ] || ask_supervisor limits
      ;;
    proceed) : >"$control/proceed" ;;
    stop | freeze | thaw | signal)
      [ -e "$control/plan/numbers" ] || fail absent
      if [ "$verb" = stop ] && [ ! -e "$control/wanted" ]; then
        : >"$control/wanted"
      fi
      ask_supervisor "$@"
      ;;
    *) fail unsupported "$verb" ;;
  esac
}

# Leaves a request for the supervisor, and waits until it has done what it says; of a stop only the request counts.
ask_supervisor() {
  now
  number=$((${number:-0} + 1))
  request=$control/requests/$now.$$.$number
  put "$request" "$*"
  ensure
  wake_supervisor
  tries=0
  while [ "$1" != stop ] && [ -e "$request" ] && [ "$tries" -lt 60 ]; do
    tries=$((tries + 1))
    nap
    [ $((tries % 20)) -ne 0 ] || wake_supervisor
  done
}

# The long-lived channel: commands come in as lines, answers and beats go out as lines.
control() {
  claim
  [ -d "$control" ] || fail absent
  ensure
  hear
  emit &
  emitter=$!
  true >"$control/watchers/$emitter"
  while read -r id words; do
    seen_epoch
    if [ "$epoch" -lt "$seen" ]; then
      printf 'R %s E forbidden %s\n' "$id" "$seen"
      break
    fi
    now
    [ $((now - heard)) -lt 5000 ] || hear
    [ "$id" != ping ] || continue
    # shellcheck disable=SC2086 # split on purpose
    perform $words
    case $words in
      # Said every second: the beats beside it are answer enough.
      renew*brief) line=ok ;;
      *) read_beat ;;
    esac
    printf 'R %s %s\n' "$id" "$line"
  done
  rm -f "$control/watchers/$emitter" "$control/heard.$$"
  kill "$emitter" 2>/dev/null
}

# Notes that the driver spoke. Not with each of its words: nothing that counts from here counts in seconds.
hear() {
  heard=$now
  printf '%s\n' "$now" >"$control/contact"
  printf '%s\n' "$now" >"$control/heard.$$"
}

# Beats once a second and at every change. Ends when the driver has been silent for long: the link may be half open.
emit() {
  trap : CONT
  while :; do
    beat || exit 0
    if [ $((beats % 5)) -eq 0 ]; then
      ensure
      seen_epoch
      if [ "$epoch" -lt "$seen" ]; then
        printf 'E forbidden %s\n' "$seen"
        kill $$
        exit 0
      fi
      get "$control/heard.$$"
      if [ -n "$got" ] && [ $((now - got)) -gt 120000 ]; then
        kill $$
        exit 0
      fi
    fi
    # Woken every second by the supervisor; the time is for when there is none.
    rest 5
  done
}

# The log from byte $1 on, as it grows, until the driver closes its side.
follow() {
  claim
  : >>"$control/log"
  follow_log "$1" </dev/null &
  follower=$!
  while read -r _; do :; done
  kill "$follower" 2>/dev/null
}

# Becomes what prints the log from byte $1 on. GNU tail sleeps until the kernel tells of a change, but trusts that on few
# file systems, and on no overlay, which is what containers stand on: there perl waits for the same. Where neither can,
# tail looks ten times a second, which still costs little.
follow_log() {
  case $(tail --version 2>/dev/null) in *GNU*) often=-s0.1 ;; *) often= ;; esac
  case $often$(stat -f -c %T "$control/log" 2>/dev/null) in
    -s0.1ext2/ext3 | -s0.1xfs | -s0.1btrfs | -s0.1tmpfs) ;;
    *)
      if command -v perl >/dev/null && perl -e "$can_notify" 2>/dev/null; then
        exec perl -e "$follower_text" "$control/log" "$1"
      fi
      ;;
  esac
  # shellcheck disable=SC2086 # one word or none
  exec tail $often -c "+$(($1 + 1))" -f "$control/log"
}

# Opens the notifications of file $log as $events, by the numbers of the system calls: perl has no name for them. Looks
# once a second all the same.
# shellcheck disable=SC2016 # for perl
open_events='
  use Config;
  my ($init, $add) = $Config{archname} =~ /^x86_64-linux/ ? (294, 254) : $Config{archname} =~ /^aarch64-linux/ ? (26, 27) : exit 1;
  my $number = syscall($init, 0);
  exit 1 if $number < 0 || syscall($add, $number, my $name = $log, 2) < 0;
  open(my $events, "<&=", $number) or exit 1;
'
# shellcheck disable=SC2016 # for perl
can_notify='my $log = "/";'$open_events
# shellcheck disable=SC2016 # for perl
follower_text='
  my ($log, $from) = @ARGV;
  '$open_events'
  open(my $file, "<", $log) or exit 1;
  sysseek($file, $from, 0);
  while (1) {
    while (my $count = sysread($file, my $bytes, 65536)) {
      my $sent = 0;
      while ($sent < $count) {
        my $step = syswrite(STDOUT, $bytes, $count - $sent, $sent);
        exit unless defined $step;
        $sent += $step;
      }
    }
    vec(my $ready = "", $number, 1) = 1;
    sysread($events, my $told, 4096) if select($ready, undef, undef, 1) > 0;
  }
'

# Ends everything of the attempt now. $1 remove: its folder too.
finish_all() {
  claim
  if [ -d "$control" ]; then
    if [ -e "$control/plan/numbers" ] && [ ! -e "$control/exit" ]; then
      number=0
      : >"$control/wanted"
      perform stop 0 stopped
      tries=0
      until [ -e "$control/exit" ] || [ "$tries" -gt 400 ] || ! writable; do
        tries=$((tries + 1))
        wake_supervisor
        nap
      done
      [ -e "$control/exit" ] || kill_tree
    fi
    true >"$control/over"
    for process in guard supervisor; do
      lives "$control/$process" && kill -s KILL "$pid" 2>/dev/null
    done
    # What was started beside the job, by exec.
    kill_tree
    ! contained || remove_container
    remove_cgroup
    close_gang
    rm -f "$control/plan/secrets" "$control/plan/gang-key" "$control/plan/registry"
  fi
  beat
  [ "$1" = remove ] || return 0
  # What this attempt brought is for the next one too.
  tries=0
  while [ "$tries" -lt 400 ] && lives "$root/spare/maker"; do
    set -- "$control"/stock.*
    [ -e "$1" ] || break
    tries=$((tries + 1))
    nap
  done
  rm -rf "$dir"
}

# Runs a command beside the job, with its environment.
run_beside() {
  claim
  [ -e "$control/plan/job" ] || fail absent
  GPUJOB_MARK=$mark
  export GPUJOB_MARK
  if contained; then
    reach_engine
    # shellcheck disable=SC2086 # two words or none
    exec $by docker -H "$engine" exec -i "$container" sh "$control/supervisor.sh" beside "$dir" "$@"
  fi
  login_shell "$control/plan/job" exec "$@"
}
