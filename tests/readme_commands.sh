#!/usr/bin/env bash
# Runs the README's blocks of commands, one after the other, as somebody would
# who types them into a fresh clone of the sources.
#
# readme_commands.sh SOURCES BUILD
#
# The clone shares nothing with SOURCES: it has what is committed, and what has
# been changed since in files that git knows. It is configured, and Ninja finds
# all that it would compile. That would take minutes, so that BUILD, where all is
# built already, is the clone's build/release but for that. Left out is
# scripts/test.sh: this is a part of it.
set -euo pipefail

sources=$1
build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cd "$folder"
if [[ -e $sources/.git ]]; then
  git clone -q --depth 1 "file://$sources" clone
  git -C "$sources" diff --binary HEAD | git -C clone apply --allow-empty
else # of an archive
  mkdir clone
  tar -C "$sources" -c --exclude ./build . | tar -C clone -x
fi
cd clone
mkdir build
ln -s "$build" build/release
# The same CAF is found, whatever the environment says.
prefix_path=$(sed -n 's/^CMAKE_PREFIX_PATH:[A-Z]*=//p' "$build/CMakeCache.txt")
export CMAKE_PREFIX_PATH="" CXX=""

configure() {
  rm build/release
  (export CMAKE_PREFIX_PATH=$prefix_path && eval "$1")
  ninja -C build/release -n >/dev/null
  rm -r build/release
  ln -s "$build" build/release
}

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
    "cmake --preset release") command="configure '$command'" ;;
    "cmake --build build/release") command+=" --target waybill_command" ;;
    *' --prefix /usr/local'*) command=${command//\/usr\/local/$folder/usr} ;;
    *' ID'*) command=${command/ ID/ $(first_id)} ;;
    # Until Ctrl-C.
    *' watch'*) command="timeout --signal=INT 1 ${command%%#*} || [[ \$? -eq 124 ]]" ;;
  esac
  echo "+ $command"
  eval "$command" </dev/null
done

[[ -x $folder/usr/bin/waybill && -e $folder/usr/include/waybill/service.hpp ]] || {
  echo "the README's commands have not installed waybill" >&2
  exit 1
}
