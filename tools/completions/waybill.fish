# fish completion for waybill

set -l commands status list stuck counts history targets payload stats \
    health schema watch wait export backup check import restore purge discard vacuum help
set -l ends 'delivered parked failed discarded'
set -l statuses "submitted retrying in-flight finished $ends"
set -l without "not __fish_seen_subcommand_from $commands"

complete -c waybill -f
complete -c waybill -l db -r -F -d 'The store'
complete -c waybill -l json -d 'JSON instead of text for people'
complete -c waybill -l utc -d 'Show and read times in UTC'
complete -c waybill -l color -l colour -x -a 'auto always never' -d 'When to use colours'
complete -c waybill -s h -l help -d 'Show help'
complete -c waybill -n $without -l version -d 'Show the version'

complete -c waybill -n $without -a status -d 'Show what became of operations'
complete -c waybill -n $without -a list -d 'List operations'
complete -c waybill -n $without -a stuck -d 'List operations that have not moved for long'
complete -c waybill -n $without -a counts -d 'Count operations by kind and status'
complete -c waybill -n $without -a history -d "Show an operation's steps"
complete -c waybill -n $without -a targets -d 'Show what waits for each target'
complete -c waybill -n $without -a payload -d 'Show what a call sends'
complete -c waybill -n $without -a stats -d 'Show sizes, totals and the oldest'
complete -c waybill -n $without -a health -d 'Judge what the file tells, against limits'
complete -c waybill -n $without -a schema -d "Print the store's schema"
complete -c waybill -n $without -a watch -d 'Follow what happens, as it happens'
complete -c waybill -n $without -a wait -d 'Wait until operations have finished'
complete -c waybill -n $without -a export -d 'Write operations as JSON Lines'
complete -c waybill -n $without -a backup -d 'Copy the store, and check it'
complete -c waybill -n $without -a check -d 'Read all of the store for damage'
complete -c waybill -n $without -a import -d 'Read operations that were exported'
complete -c waybill -n $without -a restore -d 'Put a backup in its place'
complete -c waybill -n $without -a purge -d 'Delete old operations that have finished'
complete -c waybill -n $without -a discard -d 'Give an operation up'
complete -c waybill -n $without -a vacuum -d 'Give unused space back'
complete -c waybill -n $without -a help -d "Show the help, or a command's"
complete -c waybill -n '__fish_seen_subcommand_from help' -a "$commands"

set -l filtered '__fish_seen_subcommand_from list export'
complete -c waybill -n '__fish_seen_subcommand_from purge' -l status -x -a $ends -d 'Only these'
complete -c waybill -n '__fish_seen_subcommand_from list export watch' -l status -x -a $statuses -d 'Only these'
complete -c waybill -n '__fish_seen_subcommand_from list export watch' -l kind -x -d 'This kind'
complete -c waybill -n $filtered -l target -x -d 'This target'
complete -c waybill -n $filtered -l instance -x -d 'This source instance'
complete -c waybill -n $filtered -l script -x -d 'This source script'
complete -c waybill -n $filtered -l node -x -d 'This source node'
complete -c waybill -n $filtered -l since -x -d 'Recorded at or after it'
complete -c waybill -n $filtered -l until -x -d 'Recorded before it'
complete -c waybill -n $filtered -l updated-since -x -d 'Last changed at or after it'
complete -c waybill -n $filtered -l updated-until -x -d 'Last changed before it'
complete -c waybill -n $filtered -l finished-since -x -d 'Finished at or after it'
complete -c waybill -n $filtered -l finished-until -x -d 'Finished before it'
complete -c waybill -n $filtered -l error -x -d 'Part of the last error'
complete -c waybill -n $filtered -l http -x -d 'HTTP status, as in 503 or 5xx'
complete -c waybill -n $filtered -l min-retries -x -d 'Retried so often or more'

set -l listing '__fish_seen_subcommand_from list stuck'
complete -c waybill -n '__fish_seen_subcommand_from list' -l oldest-first -d 'The other end first'
complete -c waybill -n '__fish_seen_subcommand_from stuck' -l for -x -d 'Not touched for so long'
complete -c waybill -n $listing -l limit -x -d 'So many at most'
complete -c waybill -n $listing -l all -d 'All of them'
complete -c waybill -n $listing -l full -d 'Whole error texts'
complete -c waybill -n $listing -l times -d 'Times instead of ages'
complete -c waybill -n $listing -l columns -x -d 'These columns, with commas'
complete -c waybill -n '__fish_seen_subcommand_from stuck health' -l exit-code -d 'End with 5 if something needs a look'
complete -c waybill -n '__fish_seen_subcommand_from health' -l max-age -x -d 'Of the oldest in flight'
complete -c waybill -n '__fish_seen_subcommand_from health' -l max-in-flight -x -d 'Operations in flight'
complete -c waybill -n '__fish_seen_subcommand_from health' -l max-parked -x -d 'Parked operations'
complete -c waybill -n '__fish_seen_subcommand_from health' -l max-log -x -d 'Bytes of the write-ahead log'
complete -c waybill -n '__fish_seen_subcommand_from list stuck export' -l cursor -x -d 'Go on where the last one ended'
complete -c waybill -n '__fish_seen_subcommand_from list stuck counts history targets' -l format -x -a 'table csv json' -d 'How to print'

complete -c waybill -n '__fish_seen_subcommand_from payload' -l raw -d 'Its bytes as they are'
complete -c waybill -n '__fish_seen_subcommand_from stats' -l prometheus -d 'For Prometheus'
complete -c waybill -n '__fish_seen_subcommand_from watch' -l id -x -d 'This operation'
complete -c waybill -n '__fish_seen_subcommand_from watch' -l after -x -d 'Begin behind this transition'
complete -c waybill -n '__fish_seen_subcommand_from wait' -l timeout -x -d 'Give up after so long'
complete -c waybill -n '__fish_seen_subcommand_from wait' -l any -d 'Until one of them has finished'
complete -c waybill -n '__fish_seen_subcommand_from wait' -l until-recorded -d 'Wait also for those not recorded yet'
complete -c waybill -n '__fish_seen_subcommand_from export payload' -s o -l output -r -F -d 'Write there'
complete -c waybill -n '__fish_seen_subcommand_from export payload' -l force -d 'Replace it if it is there'
complete -c waybill -n '__fish_seen_subcommand_from import' -l skip-bad -d 'Leave bad lines out'
complete -c waybill -n '__fish_seen_subcommand_from import backup restore' -F
complete -c waybill -n '__fish_seen_subcommand_from restore' -l force -d 'Replace the store that is there'
complete -c waybill -n '__fish_seen_subcommand_from purge' -l older-than -x -d 'Those that finished before it'
complete -c waybill -n '__fish_seen_subcommand_from purge' -l dry-run -d 'Only count them'
complete -c waybill -n '__fish_seen_subcommand_from discard' -l reason -x -d 'Why'
