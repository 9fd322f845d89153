# Starting the job, exactly once, and waiting for it.

# Copies what the job writes into the log. A pipe and not the file itself, because a job that opens /dev/stderr anew
# would cut the file to nothing.
logger() {
  base=$(file_size "$control/log")
  cat <"$control/pipe" >>"$control/log" 2>>"$control/supervisor.log" 4>&- &
  logger=$!
  started "$logger" && put "$control/logger" "$logger $ticks $boot $base"
}

file_size() {
  stat -c %s "$1" 2>/dev/null && return 0
  # shellcheck disable=SC2012 # there is no stat
  ls -ln "$1" 2>/dev/null | awk '{ print $5 }'
}

# Parent of the job: outlives a killed supervisor, so that the exit status comes from wait and from nowhere else.
runner() {
  attempt "$1"
  lives "$control/runner" && exit 0
  record "$control/runner"
  [ -p "$control/pipe" ] || mkfifo "$control/pipe"
  : >>"$control/log"
  # Both ends stay open here: the job gets no SIGPIPE when the copier dies, and a new one goes on.
  exec 4<>"$control/pipe"
  logger
  count_oom
  put "$control/oom" "$oom_kills"
  wall
  put "$control/began" "$wall"
  # In the foreground: see detach. In brackets, so that the shell's own words about its end do not go into the pipe,
  # which may be full for ever.
  (
    GPUJOB_MARK=$mark
    export GPUJOB_MARK
    exec </dev/null >"$control/pipe" 2>&1 4>&-
    if [ -n "$(command -v setsid)" ]; then exec setsid sh "$script" job "$dir"; fi
    exec sh "$script" job "$dir"
  )
  code=$?
  get "$control/launching/pid"
  # Another runner was first: this one's child did nothing.
  [ "${got##* }" = $$ ] || exit 0
  wall
  until put "$control/waited" "$code $wall"; do
    [ -d "$control" ] || exit 0
    give_reserve
    sleep 1
  done
  wake_supervisor
  # Without our end the copier ends once the last writer has gone.
  exec 4>&-
  wait
}

# Becomes the job. The folder is the one gate: whoever makes it first decides whether this attempt ever runs.
job() {
  attempt "$1"
  mkdir "$control/launching" 2>/dev/null || exit 97
  started $$
  put "$control/launching/pid" "$$ $ticks $boot $PPID"
  ! contained || run_container
  if find_cgroup && { echo $$ >"$cgroup/cgroup.procs"; } 2>/dev/null; then
    put "$control/cgroup" "$cgroup"
  fi
  login_shell "$control/plan/job"
}

# Becomes a login shell that runs file $1 with the arguments after it.
login_shell() {
  cd "${1%/control/plan/job}/work" || exit 126
  if [ -n "$(command -v bash)" ]; then
    exec bash -l "$@"
  fi
  # A shell that knows no -l reads the profiles in the job file.
  sh -l -c : 2>/dev/null && exec sh -l "$@"
  GPUJOB_PROFILE=1 exec sh "$@"
}

wake_supervisor() {
  lives "$control/supervisor" && kill -s CONT "$pid" 2>/dev/null
}

# Sees to it that a supervisor is there, unless all is over.
ensure() {
  [ -e "$control/wanted" ] || return 0
  [ ! -e "$control/over" ] || return 0
  lives "$control/guard" && lives "$control/supervisor" && return 0
  linger sh "$script" guard "$dir"
}

# As detach, and out of the reach of a log-in manager that ends what a user leaves behind.
linger() {
  if [ "$(id -u)" != 0 ] && [ -n "$(command -v systemd-run)" ] && kills_leftovers; then
    loginctl enable-linger >/dev/null 2>&1
    if systemd-run --user --scope --quiet true >/dev/null 2>&1; then
      detach systemd-run --user --scope --quiet "$@"
      return
    fi
  fi
  detach "$@"
}

kills_leftovers() {
  case $(busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager KillUserProcesses 2>/dev/null) in
    *true) return 0 ;;
  esac
  return 1
}

# Keeps a supervisor alive. As its parent it learns of its death at once; taking over another's child, within a second.
guard() {
  attempt "$1"
  lives "$control/guard" && exit 0
  record "$control/guard"
  started $$
  me="$$ $ticks $boot"
  while [ ! -e "$control/over" ] && [ -d "$control" ]; do
    get "$control/guard"
    [ "$got" = "$me" ] || exit 0
    if lives "$control/supervisor"; then
      sleep 1
    else
      now
      begun=$now
      sh "$script" supervise "$dir" </dev/null
      now
      # A supervisor that cannot even start, as on a disk gone read-only, must not turn this loop into a burner.
      [ $((now - begun)) -gt 2000 ] || [ -e "$control/over" ] || nap
      burnt=$((${burnt:-0} + 1))
      [ $((now - begun)) -le 2000 ] || burnt=0
      [ "$burnt" -lt 5 ] || sleep 1
    fi
  done
}
