#!/usr/bin/env bash
# Runs the README's blocks of commands, one after the other, as somebody would
# who types them into a fresh copy of the sources.
#
# readme_commands.sh SOURCES BUILD
#
# The copy's build/release is BUILD, where all is built already. Left out is
# scripts/test.sh: this is a part of it.
set -euo pipefail

sources=$1
build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Not what is built, and nothing that the copy must not change.
cd "$sources"
for each in *; do
  [[ $each == build ]] || ln -s "$sources/$each" "$folder/$each"
done
cd "$folder"
mkdir build
ln -s "$build" build/release
export CMAKE_PREFIX_PATH="" CXX=""

# What the blocks do, in one shell: a later one may use an earlier one's names.
commands=()
in_block=false
while IFS= read -r line; do
  case $line in
    '```sh') in_block=true ;;
    '```') in_block=false ;;
    *) ! $in_block || commands+=("$line") ;;
  esac
done <README.md
[[ ${#commands[@]} -ge 8 ]] || {
  echo "README.md has ${#commands[@]} commands only" >&2
  exit 1
}

first_id() {
  "$waybill" list --limit 1 --json | sed -nE 's/.*"id":"([^"]+)".*/\1/p'
}

for command in "${commands[@]}"; do
  case $command in
    scripts/test.sh*) continue ;;
    # That has been done, for more than users build.
    "cmake --preset release") continue ;;
    "cmake --build build/release") command+=" --target waybill_command" ;;
    *' --prefix /usr/local'*) command=${command//\/usr\/local/$folder/usr} ;;
    *' ID'*) command=${command/ ID/ $(first_id)} ;;
    # Until Ctrl-C.
    *' watch'*) command="timeout --signal=INT 1 ${command%%#*} || [[ \$? -eq 124 ]]" ;;
  esac
  echo "+ $command"
  eval "$command" </dev/null
done

[[ -x usr/bin/waybill && -e usr/include/waybill/service.hpp ]] || {
  echo "the README's commands have not installed waybill" >&2
  exit 1
}
