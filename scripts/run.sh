#!/usr/bin/env bash
# Installs what is missing, builds, and runs the main job: a site runtime that
# pushes calls through store-and-forward while every step is tracked.
#
# Usage: scripts/run.sh [ARGUMENT...]   (as of examples/site_runtime --help)
#
# Without an INPUT argument it runs the sample, examples/data/calls.jsonl.
source "$(dirname "$0")/lib.sh"

need_packages "${build_packages[@]}" "${example_packages[@]}"
configure release
build release site_runtime
