#!/usr/bin/env bash
# Installs what is missing, builds without warnings, and runs all checks:
# format, tests, tests under sanitizers, the quick torture suite, lint.
source "$(dirname "$0")/lib.sh"

usage() {
  cat <<'END'
Usage: scripts/test.sh [OPTION]...

  --quick             without the sanitizers, the torture suite and clang-tidy
  --no-lint           without the format check and clang-tidy
  --prefix-path DIR   look for CAF and others in DIR first; as CMAKE_PREFIX_PATH
  --compiler CXX      g++ (default) or clang++; as CXX
  --help              this text
END
}

quick=false
lint=true
while [[ $# -gt 0 ]]; do
  case $1 in
    --quick) quick=true ;;
    --no-lint) lint=false ;;
    --prefix-path)
      prefix_path=$(cd "$start_dir" && realpath -e "${2:?needs a folder}")
      shift
      ;;
    --compiler)
      compiler=${2:?needs a compiler}
      shift
      ;;
    --help)
      usage
      exit
      ;;
    *) die "unknown option: $1 (see --help)" ;;
  esac
  shift
done

# run_tests PRESET: off a terminal, only what fails is listed.
run_tests() {
  local arguments=(--test-dir "$(build_dir "$1")" --output-on-failure
    --no-tests=error -j "$(nproc)")
  if [[ -t 1 ]]; then
    ctest "${arguments[@]}" --progress
  else
    ctest "${arguments[@]}" | grep -vE '^ +Start |   Passed  '
  fi
}

# The CAF in the folder that was asked for must be the one that is used.
check_caf() {
  [[ -e $prefix_path/include/caf/config.hpp ]] || return 0
  grep -qE "^CAF_(DIR|INCLUDE_DIR):PATH=$prefix_path/" \
    "$(build_dir "$1")/CMakeCache.txt" && return 0
  echo "the build found another CAF than that of $prefix_path" >&2
  return 1
}

packages=("${build_packages[@]}" "${example_packages[@]}" "${test_packages[@]}")
$lint && packages+=("${lint_packages[@]}")
step "packages" need_packages "${packages[@]}"

if $lint; then
  step "format" scripts/format.sh --check || true
fi

debug() {
  configure debug && check_caf debug &&
    build debug all all_verify_interface_header_sets
}
sanitizers_result=$PWD/build/sanitizers.json
sanitizers() {
  rm -f "$sanitizers_result"
  scripts/sanitizers.sh --json "$sanitizers_result" && check_caf asan
}
# The sanitizers' row of its table has just been found.
torture() {
  WAYBILL_SANITIZERS_DONE=$sanitizers_result scripts/torture.sh --quick
}

if step "build" debug; then
  step "tests" run_tests debug || true
  if ! $quick; then
    export CXX=$compiler CMAKE_PREFIX_PATH=$prefix_path
    step "sanitizers" sanitizers || true
    step "torture" torture || true
  fi
  if ! $quick && $lint; then
    step "lint" scripts/lint.sh "$(build_dir debug)" || true
  fi
fi

summary
