#!/usr/bin/env bash
# Installs what is missing, builds, and tries to break waybill's promises, row by
# row of docs/reliability.md.
#
# Usage: scripts/torture.sh [OPTION]...
#
#   --quick             a few minutes on two cores (the default)
#   --full              an hour on two cores
#   --only ROW,...      only these rows, by name or number
#   --list              say which rows there are, and end
#   --seed N            repeat the run with that seed
#   --jobs N            rows that may run at a time; default: processors + 1
#   --build-only        build what the rows need, and end
#   --stop-at-first     end a row at its first violation
#   --json FILE         write the results there as JSON too
#   --compiler CXX      g++ (default) or clang++; as CXX
#   --prefix-path DIR   look for CAF and others in DIR first
source "$(dirname "$0")/lib.sh"

# More than there are processors: some rows mostly wait for the disk.
jobs=$(($(nproc) + 1))
arguments=()
only=
full=
build_only=false
while [[ $# -gt 0 ]]; do
  if build_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --only | --seed)
      need_value "$@"
      [[ $1 != --only ]] || only=$2
      arguments+=("$1" "$2")
      shift
      ;;
    --json)
      need_value "$@"
      arguments+=(--json "$(user_path "$2")")
      shift
      ;;
    --jobs) need_value "$@" && jobs=$2 && shift ;;
    --build-only) build_only=true ;;
    --list) only=none arguments+=("$1") ;;
    --full) full=1 arguments+=("$1") ;;
    --quick | --stop-at-first) arguments+=("$1") ;;
    *) refuse "unknown option: $1" ;;
  esac
  shift
done

# Rows that are scripts build with the same CAF. Those that have builds of their
# own do that before the clocks of the rows run.
export CMAKE_PREFIX_PATH=$prefix_path

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
! $build_only || exit 0

exec "$(build_dir torture)/tests/torture/torture" --jobs "$jobs" \
  ${arguments[@]+"${arguments[@]}"}
