#!/usr/bin/env bash
# Installs what is missing, builds, and runs the main job: a site runtime that
# pushes calls through store-and-forward while every step is tracked.
#
# Usage: scripts/run.sh [ARGUMENT...]
#
# The arguments are site_runtime's, which --help lists here once it is built;
# without an input it runs the sample, examples/data/calls.jsonl.
program=build/release/examples/site_runtime
source "$(dirname "$0")/lib.sh"

# It would say so itself, but only after minutes of building.
for argument in "$@"; do
  [[ $argument != --* ]] ||
    grep -qF "\"${argument%%=*}\"" examples/site_runtime/arguments.cpp ||
    refuse "unknown option: $argument"
done

# Standard output is the program's alone.
{
  need_packages "${build_packages[@]}" "${example_packages[@]}"
  configure release
  build release site_runtime
} >&2

program=$PWD/$(build_dir release)/examples/site_runtime
cd "$start_dir"
exec "$program" "$@"
