#!/usr/bin/env bash
# Installs what is missing, builds, and runs the main job: a site runtime that
# pushes calls through store-and-forward while every step is tracked.
#
# Usage: scripts/run.sh [ARGUMENT...]
#
# The arguments are site_runtime's (see scripts/run.sh --help); without an input
# it runs the sample, examples/data/calls.jsonl.
source "$(dirname "$0")/lib.sh"

# Standard output is the program's alone.
{
  need_packages "${build_packages[@]}" "${example_packages[@]}"
  configure release
  build release site_runtime
} >&2

program=$PWD/$(build_dir release)/examples/site_runtime
cd "$start_dir"
exec "$program" "$@"
