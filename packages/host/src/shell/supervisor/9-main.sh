# The script itself, absolute: it starts itself again.
script=$0
action=${1:-}
[ $# -eq 0 ] || shift
case $action in
  guard) guard "$1" ;;
  supervise) become_bash "$1" && supervise "$1" ;;
  runner) runner "$1" ;;
  job) job "$1" ;;
  gpu) read_gpu "$1" ;;
  inside) inside "$1" ;;
  within) within "$1" "$2" ;;
  beside) attempt "$1" && shift && plain_shell "$control/plan/job" exec "$@" ;;
  *)
    root=$1
    epoch=$3
    attempt "$root/attempts/$2"
    # An attempt keeps the supervisor it was prepared with, whatever has been installed since.
    case $action in
      prepare | sync | receive | ranges | stock) ;;
      *)
        if [ -e "$control/supervisor.sh" ] && [ "$script" != "$control/supervisor.sh" ]; then
          exec sh "$control/supervisor.sh" "$action" "$@"
        fi
        ;;
    esac
    shift 3
    case $action in
      beat) claim && ensure && beat ;;
      prepare) prepare ;;
      start) start ;;
      do) claim && perform "$@" && beat ;;
      control) become_bash "$root" "$mark" "$epoch" && control ;;
      log) follow "$1" ;;
      end) finish_all "$1" ;;
      exec) run_beside "$@" ;;
      list) list_files "$1" ;;
      hash) hash_files "$1" ;;
      read) read_file "$@" ;;
      read-many) read_files "$1" ;;
      sync) sync_tree ;;
      receive) receive ;;
      stock) stock_all ;;
      ranges) receive_ranges ;;
      *) fail unsupported "$action" ;;
    esac
    ;;
esac
