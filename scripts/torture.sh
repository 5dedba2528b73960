#!/usr/bin/env bash
# Installs what is missing, builds, and tries to break waybill's promises; see
# docs/reliability.md.
#
# Usage: scripts/torture.sh [--quick | --full] [--only ROW,...] [--seed N]
#                           [--compiler CXX] [--prefix-path DIR] [ARGUMENT...]
#
# --quick (the default) takes five minutes on two cores, --full an hour. Other
# arguments go to the suite itself: scripts/torture.sh --help.
source "$(dirname "$0")/lib.sh"

arguments=()
only=
full=
while [[ $# -gt 0 ]]; do
  if build_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --only)
      only=${2:?needs rows}
      arguments+=("$1" "$2")
      shift
      ;;
    --only=*) only=${1#*=} arguments+=("$1") ;;
    --list | --help) only=none arguments+=("$1") ;;
    --full) full=1 arguments+=("$1") ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

# Rows that are scripts build with the same compiler and CAF. Those that have
# builds of their own do that before the clocks of the rows run.
export CXX=$compiler CMAKE_PREFIX_PATH=$prefix_path

# wanted ROW...: whether one of these will run.
wanted() {
  local row
  [[ -z $only ]] && return 0
  for row in "$@"; do
    [[ ,$only, == *,$row,* ]] && return 0
  done
  return 1
}

{
  need_packages "${build_packages[@]}" "${example_packages[@]}" \
    "${test_packages[@]}"
  configure torture
  build torture torture
  if wanted damage 15; then
    WAYBILL_SANITIZED_ROWS=$(scripts/sanitizers.sh --build-rows)
    export WAYBILL_SANITIZED_ROWS
  fi
  if wanted fuzz 15; then scripts/fuzz.sh --build-only; fi
  if wanted sanitizers 18; then scripts/sanitizers.sh --build-only; fi
  if wanted planted-bugs 19; then
    scripts/planted.sh --build-only ${full:+--rows}
  fi
} >&2

# One more than there are processors: some rows mostly wait for the disk.
[[ " ${arguments[*]-} " == *" --jobs"* ]] ||
  arguments+=(--jobs $(($(nproc) + 1)))
exec "$(build_dir torture)/tests/torture/torture" "${arguments[@]}"
