# bash completion for waybill

_waybill_options() {
  local filter="--status --kind --target --instance --script --node --since
    --until --updated-since --updated-until --finished-since --finished-until
    --error --target-shape --error-shape --http --min-retries"
  local view="--limit --all --cursor --full --times --columns --format"
  case $1 in
    list) echo "$filter --oldest-first $view" ;;
    errors) echo "$filter --group-by --limit --full --times --format" ;;
    stuck) echo "--for --exit-code $view" ;;
    counts | history | targets) echo "--format" ;;
    audit) echo "--verb --since --until --limit --all --format" ;;
    payload) echo "--raw -o --output --force" ;;
    stats) echo "--prometheus" ;;
    health)
      echo "--max-age --max-in-flight --max-parked --max-log --max-paused
        --exit-code"
      ;;
    watch) echo "--status --kind --id --after" ;;
    serve)
      echo "--listen --token-file --host-name --metrics-only --actions --open"
      ;;
    wait) echo "--timeout --any --until-recorded" ;;
    export) echo "$filter -o --output --force --cursor" ;;
    import) echo "--skip-bad" ;;
    recover) echo "--unproven" ;;
    restore) echo "--force" ;;
    purge) echo "--older-than --status --with-payload --reason --by --dry-run" ;;
    discard) echo "$filter --reason --by --dry-run" ;;
    pause | resume) echo "--reason --by" ;;
    requeue) echo "$filter --reason --by --rate --dry-run" ;;
  esac
}

# The command on the line, if there is one yet.
_waybill_command() {
  local i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      --db | --color | --colour) ((++i)) ;;
      =) ((++i)) ;;
      -*) ;;
      *)
        echo "${COMP_WORDS[i]}"
        return
        ;;
    esac
  done
}

_waybill() {
  local commands="status list errors stuck counts history targets payload audit stats health
    schema watch wait serve export backup check recover import restore purge
    discard requeue pause resume vacuum help"
  local common="--db --json --utc --color -h --help"
  local current=${COMP_WORDS[COMP_CWORD]}
  local previous=${COMP_WORDS[COMP_CWORD - 1]}
  [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}
  [[ $current == = ]] && current=
  COMPREPLY=()

  case $previous in
    --db | -o | --output | --token-file)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      compopt -o filenames 2>/dev/null
      return
      ;;
    --color | --colour)
      mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$current")
      return
      ;;
    --format)
      mapfile -t COMPREPLY < <(compgen -W "table csv json" -- "$current")
      return
      ;;
    --verb)
      local before=
      [[ $current == *,* ]] && before=${current%,*},
      mapfile -t COMPREPLY < <(compgen -P "$before" -W "requeue discard pause
        resume purge" -- "${current##*,}")
      return
      ;;
    --group-by)
      mapfile -t COMPREPLY < <(compgen -W "error target" -- "$current")
      return
      ;;
    --columns)
      local before=
      [[ $current == *,* ]] && before=${current%,*},
      mapfile -t COMPREPLY < <(compgen -P "$before" -W "id status age idle retry
        http kind target error created updated finished took instance script
        node" -- "${current##*,}")
      return
      ;;
    --status)
      local words="delivered parked failed discarded"
      [[ $(_waybill_command) == purge ]] ||
        words+=" submitted retrying in-flight finished"
      local before=
      [[ $current == *,* ]] && before=${current%,*},
      mapfile -t COMPREPLY < <(compgen -P "$before" -W "$words" \
        -- "${current##*,}")
      return
      ;;
  esac

  local command
  command=$(_waybill_command)
  if [[ $current == -* ]]; then
    local words="$common $(_waybill_options "$command")"
    [[ -z $command ]] && words+=" --version"
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  elif [[ $command == help ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  elif [[ $command == import || $command == serve || $command == backup || $command == restore || $command == recover ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    compopt -o filenames 2>/dev/null
  fi
}

complete -F _waybill waybill
