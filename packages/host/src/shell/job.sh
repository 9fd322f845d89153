# Read by the login shell of the job, after its profiles.
# No `set -e` before this line: a profile that fails on some line must not end the job.
gpujob_control=${0%/plan/job}
umask "${GPUJOB_UMASK:-022}"
unset GPUJOB_UMASK
if [ -n "${GPUJOB_PROFILE:-}" ]; then
  unset GPUJOB_PROFILE
  for gpujob_file in /etc/profile "$HOME/.profile"; do
    [ ! -r "$gpujob_file" ] || . "$gpujob_file"
  done
fi
for gpujob_file in /usr/local/Ascend/ascend-toolkit/set_env.sh /usr/local/Ascend/nnal/atb/set_env.sh /opt/dtk/env.sh /opt/dtk/cuda/env.sh; do
  [ ! -r "$gpujob_file" ] || . "$gpujob_file" >/dev/null
done
. "$gpujob_control/plan/environment"
[ ! -d "$gpujob_control/gang" ] || export PATH="$gpujob_control/gang:$PATH"
for gpujob_file in HF_HOME:huggingface MODELSCOPE_CACHE:modelscope PIP_CACHE_DIR:pip UV_CACHE_DIR:uv; do
  eval "export ${gpujob_file%:*}=\"\${${gpujob_file%:*}:-\$GPUJOB_CACHE_DIR/${gpujob_file#*:}}\""
done
unset gpujob_file
cd "${gpujob_control%/control}/work" || exit 126
if [ "${1:-}" = exec ]; then
  shift
  unset gpujob_control
  exec "$@"
fi
if [ -e "$gpujob_control/plan/secrets" ]; then
  . "$gpujob_control/plan/secrets"
  rm -f "$gpujob_control/plan/secrets"
fi
# While the job is being stopped the shell waits for the program in front, then ends instead of starting the next one.
trap '[ ! -e "$gpujob_control/stopping" ] || exit' TERM
# On `exit` bash runs the user's logout file. The one that Debian puts into every home fails without a terminal, and under
# `set -e` that becomes the status of the job. It is not found in another home, which only a trap of the job might miss.
# Through eval, because other shells take no such name for a function.
[ -z "${BASH_VERSION:-}" ] ||
  eval 'exit() { set -- "${1:-$?}"; set +e; [ -n "$(trap -p EXIT)" ] || HOME=/; builtin exit "$1"; }'
set -e
[ -z "${BASH_VERSION:-}" ] || set -o pipefail
if [ -s "$gpujob_control/plan/setup" ]; then
  . "$gpujob_control/plan/setup"
fi
: >"$gpujob_control/set-up"
if [ -e "$gpujob_control/plan/barrier" ]; then
  while [ ! -e "$gpujob_control/proceed" ]; do sleep 0.2 2>/dev/null || sleep 1; done
fi
if [ -e "$gpujob_control/plan/run" ]; then
  . "$gpujob_control/plan/run"
else
  while :; do
    sleep 3600 &
    wait $! || :
  done
fi
