#!/usr/bin/env bash
# Installs what is missing, builds without warnings, and runs all checks:
# format, tests, tests under AddressSanitizer and UBSan, lint.
source "$(dirname "$0")/lib.sh"

usage() {
  cat <<'END'
Usage: scripts/test.sh [OPTION]...

  --quick             without the sanitizers and clang-tidy
  --torture           with the quick torture suite (docs/reliability.md), too
  --no-lint           without the format check and clang-tidy
  --prefix-path DIR   look for CAF and others in DIR first; as CMAKE_PREFIX_PATH
  --compiler CXX      g++ (default) or clang++; as CXX
  --help              this text
END
}

quick=false
torture=false
lint=true
while [[ $# -gt 0 ]]; do
  case $1 in
    --quick) quick=true ;;
    --torture) torture=true ;;
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

export UBSAN_OPTIONS=print_stacktrace=1

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
asan() {
  configure asan && check_caf asan && build asan
}

if step "build" debug; then
  step "tests" run_tests debug || true
  if ! $quick && step "sanitizer build" asan; then
    step "sanitizer tests" run_tests asan || true
  fi
  if $torture; then
    export CXX=$compiler CMAKE_PREFIX_PATH=$prefix_path
    step "torture" scripts/torture.sh --quick || true
  fi
  if ! $quick && $lint; then
    step "lint" scripts/lint.sh "$(build_dir debug)" || true
  fi
fi

summary
