#!/usr/bin/env bash
# Installs what is missing, builds, and tries to break waybill's promises; see
# docs/reliability.md.
#
# Usage: scripts/torture.sh [--quick | --full] [--only ROW,...] [--seed N]
#                           [--compiler CXX] [--prefix-path DIR] [ARGUMENT...]
#
# --quick (the default) takes some minutes, --full hours. Other arguments go to
# the suite itself: scripts/torture.sh --help.
source "$(dirname "$0")/lib.sh"

arguments=()
only=
while [[ $# -gt 0 ]]; do
  case $1 in
    --prefix-path)
      prefix_path=$(cd "$start_dir" && realpath -e "${2:?needs a folder}")
      shift
      ;;
    --compiler)
      compiler=${2:?needs a compiler}
      shift
      ;;
    --only)
      only=${2:?needs rows}
      arguments+=("$1" "$2")
      shift
      ;;
    --only=*) only=${1#*=} arguments+=("$1") ;;
    --list | --help) only=none arguments+=("$1") ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

# Rows that are scripts build with the same compiler and CAF.
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
  # Built before the clocks of the rows run.
  if wanted fuzz 15; then scripts/fuzz.sh --build-only; fi
  if wanted sanitizers 18; then scripts/sanitizers.sh --build-only; fi
  if wanted planted-bugs 19; then scripts/planted.sh --build-only; fi
} >&2

exec "$(build_dir torture)/tests/torture/torture" --jobs "$(nproc)" \
  ${arguments[@]+"${arguments[@]}"}
