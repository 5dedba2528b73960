#compdef waybill
# zsh completion for waybill

_waybill_statuses() {
  _values -s , status submitted retrying delivered parked failed discarded \
    in-flight finished
}

_waybill_ends() {
  _values -s , status delivered parked failed discarded
}

_waybill_verbs() {
  _values -s , verb requeue discard pause resume purge
}

_waybill_columns() {
  _values -s , column id status age idle retry http kind target error created \
    updated finished took instance script node
}

_waybill() {
  local curcontext=$curcontext state line
  typeset -A opt_args

  local -a common=(
    '--db[the store]:file:_files'
    '--json[JSON instead of text for people]'
    '--utc[show and read times in UTC]'
    '(--color --colour)'{--color,--colour}'[when to use colours]:when:(auto always never)'
    '(- *)'{-h,--help}'[show help]'
  )
  local -a filter=(
    '*--status[only these]:status:_waybill_statuses'
    '*--kind[this kind]:kind:'
    '--target[this target]:text:'
    '--instance[this source instance]:text:'
    '--script[this source script]:text:'
    '--node[this source node]:text:'
    '--since[recorded at or after it]:time:'
    '--until[recorded before it]:time:'
    '--updated-since[last changed at or after it]:time:'
    '--updated-until[last changed before it]:time:'
    '--finished-since[finished at or after it]:time:'
    '--finished-until[finished before it]:time:'
    '--error[part of the last error]:text:'
    '--target-shape[shape of the target]:shape:'
    '--error-shape[shape of the last error]:shape:'
    '--http[HTTP status, as in 503 or 5xx]:status:'
    '--min-retries[retried so often or more]:number:'
  )
  local -a format=('--format[how to print]:format:(table csv json)')
  local -a view=(
    '(--all)--limit[so many at most]:number:'
    '(--limit)--all[all of them]'
    '--cursor[go on where the last list ended]:cursor:'
    '--full[whole error texts]'
    '--times[times instead of ages]'
    '--columns[these columns]:columns:_waybill_columns'
    $format
  )

  _arguments -C $common '(- *)--version[show the version]' \
    '1:command:->command' '*::argument:->arguments'

  case $state in
    command)
      local -a commands=(
        'status:show what became of operations'
        'list:list operations'
        'errors:show why operations were parked or failed'
        'stuck:list operations in flight that have not moved for long'
        'counts:count operations by kind and status'
        "history:show an operation's steps"
        'targets:show what waits for each target, and its bounds'
        'payload:show what a call sends, as long as it is kept'
        'audit:show what operators have done, and who'
        'stats:show sizes, totals and the oldest'
        'health:judge what the file tells, against limits'
        "schema:print the store's schema"
        'watch:follow what happens, as it happens'
        'wait:wait until operations have finished'
        'serve:show the store in a browser, and as JSON'
        'export:write operations with their histories as JSON Lines'
        'backup:copy the store, and check it'
        'check:read all of the store for damage'
        'recover:copy what is sound of a damaged store'
        'import:read operations that were exported'
        'restore:put a backup in its place'
        'purge:delete old operations that have finished'
        'discard:give operations up'
        'pause:begin no attempts for a target'
        'resume:begin attempts again for a target that is paused'
        'requeue:try parked and failed calls again'
        'vacuum:give unused space back'
        "help:show the help, or a command's"
      )
      _describe command commands
      ;;
    arguments)
      case $line[1] in
        status) _arguments $common '*:id:' ;;
        list) _arguments $common $filter '--oldest-first[the other end first]' $view ;;
        errors)
          _arguments $common $filter '--group-by[what groups have in common]:what:(error target)' \
            '--limit[so many groups at most]:number:' '--full[whole texts]' \
            '--times[times instead of ages]' $format
          ;;
        stuck)
          _arguments $common '--for[not touched for so long]:duration:' \
            '--exit-code[end with 5 if there are any]' $view
          ;;
        health)
          _arguments $common \
            '--max-age[of the oldest in flight]:duration:' \
            '--max-in-flight[operations in flight]:number:' \
            '--max-parked[parked operations]:number:' \
            '--max-log[bytes of the write-ahead log]:number:' \
            '--max-paused[paused targets]:number:' \
            '--exit-code[end with 5 if something is beyond its limit]'
          ;;
        counts) _arguments $common $format ;;
        history) _arguments $common $format '1:id:' ;;
        targets) _arguments $common $format ;;
        audit)
          _arguments $common $format \
            '*--verb[only these]:verb:_waybill_verbs' \
            '--since[begun at or after it]:time:' \
            '--until[begun before it]:time:' \
            '(--all)--limit[so many at most]:number:' \
            '(--limit)--all[all of them]'
          ;;
        payload)
          _arguments $common \
            '--raw[its bytes as they are]' \
            '(-o --output)'{-o,--output}'[write its bytes there]:file:_files' \
            '--force[replace it if it is there]' \
            '1:id:'
          ;;
        stats) _arguments $common '--prometheus[for Prometheus]' ;;
        watch)
          _arguments $common \
            '*--status[only these]:status:_waybill_statuses' \
            '*--kind[this kind]:kind:' \
            '*--id[this operation]:id:' \
            '--after[begin behind this transition]:number:'
          ;;
        wait)
          _arguments $common \
            '--timeout[give up after so long]:duration:' \
            '--any[until one of them has finished]' \
            '--until-recorded[wait also for those not recorded yet]' \
            '*:id:'
          ;;
        serve)
          _arguments $common \
            '--listen[where]:address and port:' \
            '--token-file[ask for the token in it]:file:_files' \
            '*--host-name[by which name it is asked]:name:_hosts' \
            '--metrics-only[nothing but /metrics]' \
            '--actions[let operators act through the service]' \
            '--open[open a browser]' \
            '1:file:_files'
          ;;
        export)
          _arguments $common $filter \
            '(-o --output)'{-o,--output}'[write there]:file:_files' \
            '--force[replace it if it is there]' \
            '--cursor[go on where a stopped export ended]:cursor:'
          ;;
        import)
          _arguments $common '--skip-bad[leave bad lines out]' '1:file:_files'
          ;;
        backup) _arguments $common '1:file:_files' ;;
        recover)
          _arguments $common \
            '--unproven[copy rows of pages without their checksum too]' \
            '1:file:_files' '2:new file:_files'
          ;;
        restore)
          _arguments $common \
            '--force[replace the store that is there]' \
            '1:file:_files'
          ;;
        help)
          _arguments '1:command:(status list errors stuck counts history targets payload audit stats health schema watch wait serve export backup check recover import restore purge discard requeue pause resume vacuum)'
          ;;
        purge)
          _arguments $common \
            '--older-than[those that finished before it]:time:' \
            '*--status[only these]:status:_waybill_ends' \
            '--with-payload[those whose payloads are kept]' \
            '--reason[why]:text:' \
            '--by[who wants it]:name:' \
            '--dry-run[only count them]'
          ;;
        discard)
          _arguments $common $filter \
            '--reason[why]:text:' \
            '--by[who wants it]:name:' \
            '--dry-run[only count them]' '*:id:'
          ;;
        pause)
          _arguments $common \
            '--reason[why]:text:' \
            '--by[who wants it]:name:' \
            '1:target:'
          ;;
        resume)
          _arguments $common \
            '--reason[why]:text:' \
            '--by[who wants it]:name:' \
            '1:target:'
          ;;
        requeue)
          _arguments $common $filter \
            '--reason[why]:text:' \
            '--by[who wants it]:name:' \
            '--rate[so many a second]:number:' \
            '--dry-run[only count them]' '*:id:'
          ;;
        *) _arguments $common ;;
      esac
      ;;
  esac
}

_waybill "$@"
