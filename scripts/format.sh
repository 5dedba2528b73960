#!/usr/bin/env bash
# Formats the sources; with --check only says what is not formatted.
#
# Usage: scripts/format.sh [--check]
source "$(dirname "$0")/lib.sh"

[[ $# -le 1 && ${1:---check} == --check ]] ||
  refuse "unknown option: ${*: -1}"

# Versions of clang-format differ in their output.
clang_format=$(command -v clang-format-14 || command -v clang-format) ||
  die "clang-format is missing"
"$clang_format" --version | grep -q 'version 14\.' ||
  die "$clang_format is not version 14"

if [[ $# -eq 0 ]]; then
  sources | xargs -d '\n' "$clang_format" -i
  exit
fi
unformatted=$(sources | xargs -d '\n' "$clang_format" --dry-run 2>&1 |
  sed -nE 's/^([^:]+):[0-9]+:.*clang-format-violations.*/\1/p' | sort -u)
[[ -z $unformatted ]] ||
  die "run scripts/format.sh; it changes"$'\n'"$unformatted"
