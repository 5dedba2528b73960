#!/usr/bin/env bash
# Installs what is missing, builds, and runs the main job: a site runtime that
# pushes calls through store-and-forward while every step is tracked.
#
# Usage: scripts/run.sh [--serve] [ARGUMENT...]
#
# --serve prints the address at which a browser shows its database, meanwhile
# and afterwards, until Ctrl-C. The arguments are site_runtime's, which --help
# lists here once it is built; without an input it runs the sample,
# examples/data/calls.jsonl.
program=build/release/examples/site_runtime
source "$(dirname "$0")/lib.sh"

# It would say so itself, but only after minutes of building.
serve=false
arguments=()
for argument in "$@"; do
  if [[ $argument == --serve ]]; then
    serve=true
    continue
  fi
  [[ $argument != --* ]] ||
    grep -qF "\"${argument%%=*}\"" examples/site_runtime/arguments.cpp ||
    refuse "unknown option: $argument"
  arguments+=("$argument")
done

# Standard output is the program's alone.
{
  need_packages "${build_packages[@]}" "${example_packages[@]}"
  configure release
  build release site_runtime
  ! $serve || build release waybill_command
} >&2

dir=$PWD/$(build_dir release)
program=$dir/examples/site_runtime
cd "$start_dir"
$serve || exec "$program" ${arguments[@]+"${arguments[@]}"}

# Where it keeps what it does.
database=site_runtime.db
for ((i = 0; i < ${#arguments[@]}; ++i)); do
  case ${arguments[i]} in
    --db) database=${arguments[i + 1]:-} ;;
    --db=*) database=${arguments[i]#--db=} ;;
  esac
done

set -m # jobs of their own, which are told to end when this ends
trap 'kill %1 %2 2>/dev/null || true; wait' EXIT
trap 'exit 130' INT TERM
"$program" ${arguments[@]+"${arguments[@]}"} &
until "$dir/tools/waybill" --db "$database" counts >/dev/null 2>&1; do
  kill -0 %1 2>/dev/null || exit 1 # it has said why
  sleep 0.1
done
"$dir/tools/waybill" serve "$database" &
wait %2
