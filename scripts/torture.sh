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
    *) arguments+=("$1") ;;
  esac
  shift
done

{
  need_packages "${build_packages[@]}" "${example_packages[@]}" \
    "${test_packages[@]}"
  configure torture
  build torture torture
} >&2

exec "$(build_dir torture)/tests/torture/torture" --jobs "$(nproc)" \
  ${arguments[@]+"${arguments[@]}"}
