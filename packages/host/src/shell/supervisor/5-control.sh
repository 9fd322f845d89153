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
  get "$control/stats"
  line="$line log=$log $got"
  writable || tell_lost_disk
}

# The end of a job whose disk turned read-only: nothing can be written down, so it is read off the processes.
tell_lost_disk() {
  if [ -n "$(tree)" ] || lives "$control/runner"; then
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
      get "$control/tether"
      now
      get "$control/state"
      job_state=$got
      get "$control/tether"
      # What has expired is only lifted by thaw; an older promise is a late packet.
      if [ "$job_state" != frozen ] && [ "$now" -lt "${got:-0}" ] && [ "$2" -gt "$got" ]; then
        printf '%s\n' "$2" >"$control/tether"
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
  printf '%s\n' "$now" >"$control/heard.$$"
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
    printf '%s\n' "$now" >"$control/contact"
    printf '%s\n' "$now" >"$control/heard.$$"
    [ "$id" != ping ] || continue
    # shellcheck disable=SC2086 # split on purpose
    perform $words
    read_beat
    printf 'R %s %s\n' "$id" "$line"
  done
  rm -f "$control/watchers/$emitter" "$control/heard.$$"
  kill "$emitter" 2>/dev/null
}

# Beats once a second and at every change. Ends when the driver has been silent for long: the link may be half open.
emit() {
  trap : CONT
  sleeper=
  while :; do
    beat || exit 0
    seen_epoch
    if [ "$epoch" -lt "$seen" ]; then
      printf 'E forbidden %s\n' "$seen"
      kill $$
      exit 0
    fi
    [ $((beats % 3)) -ne 0 ] || ensure
    get "$control/heard.$$"
    if [ -n "$got" ] && [ $((now - got)) -gt 120000 ]; then
      kill $$
      exit 0
    fi
    # Woken every second by the supervisor; the sleep is for the time when there is none.
    if [ -z "$sleeper" ] || ! kill -0 "$sleeper" 2>/dev/null; then
      # Away from the channel, which must not stay open for a sleep.
      sleep 5 >/dev/null 2>&1 &
      sleeper=$!
    fi
    wait "$sleeper"
  done
}

# The log from byte $1 on, as it grows, until the driver closes its side.
follow() {
  claim
  : >>"$control/log"
  # GNU tail trusts inotify on no overlay, and containers stand on one: there it looks at the size, by itself once a second.
  case $(tail --version 2>/dev/null) in *GNU*) often=-s0.03 ;; *) often= ;; esac
  # shellcheck disable=SC2086 # one word or none
  tail $often -c "+$(($1 + 1))" -f "$control/log" </dev/null &
  follower=$!
  while read -r _; do :; done
  kill "$follower" 2>/dev/null
}

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
    remove_cgroup
    rm -f "$control/plan/secrets"
  fi
  beat
  [ "$1" != remove ] || rm -rf "$dir"
}

# Runs a command beside the job, with its environment.
run_beside() {
  claim
  [ -e "$control/plan/job" ] || fail absent
  GPUJOB_MARK=$mark
  export GPUJOB_MARK
  login_shell "$control/plan/job" exec "$@"
}
