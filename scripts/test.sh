#!/usr/bin/env bash
# Installs what is missing, builds without warnings, and runs all checks:
# format, tests, lint, the quick torture suite with the tests under sanitizers.
source "$(dirname "$0")/lib.sh"

usage() {
  cat <<'END'
Usage: scripts/test.sh [OPTION]...

  --quick             without clang-tidy and the torture suite
                      (docs/reliability.md)
  --no-lint           without the format check and clang-tidy
  --prefix-path DIR   look for CAF and others in DIR first; as CMAKE_PREFIX_PATH
  --compiler CXX      g++ (default) or clang++; as CXX
  --help              this text
END
}

quick=false
lint=true
while [[ $# -gt 0 ]]; do
  if build_option "$@"; then
    shift 2
    continue
  fi
  case $1 in
    --quick) quick=true ;;
    --no-lint) lint=false ;;
    --help)
      usage
      exit
      ;;
    *) die "unknown option: $1 (see --help)" ;;
  esac
  shift
done

# Off a terminal, only what fails is listed.
run_tests() {
  local arguments=(--test-dir "$(build_dir debug)" --output-on-failure
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
    "$(build_dir debug)/CMakeCache.txt" && return 0
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
  configure debug && check_caf &&
    build debug all all_verify_interface_header_sets
}
# Scripts of their own build with the same compiler and CAF.
other_script() {
  CXX=$compiler CMAKE_PREFIX_PATH=$prefix_path "$@"
}

if step "build" debug; then
  step "tests" run_tests || true
  if ! $quick; then
    $lint && { step "lint" other_script scripts/lint.sh || true; }
    step "torture" other_script scripts/torture.sh --quick || true
  fi
fi

summary
