#!/usr/bin/env bash
# install.sh TOOL: install a tool as it is in this very checkout, with the locked versions of
# what it needs, into an environment of its own; the output `bin` is where its commands are.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() {
  echo "::error::$1"
  exit 2
}

new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() { # the one named in $PYTHON, else what the runner has
  local name
  for name in ${PYTHON:+"$PYTHON"} ${PYTHON:-python3 python}; do
    if new_enough "$name"; then
      command -v "$name"
      return
    fi
  done
  return 1
}

make_environment() { # make_environment TOOL PYTHON FOLDER
  local pip=("$root"/packing/pip-*.whl) folders=() folder
  rm -rf "$3"
  "$2" -m venv --without-pip "$3"
  cd "$root" # folders are below it, and packing is importable from it
  while IFS= read -r folder; do folders+=("./$folder"); done < <("$2" -m packing.needs folders "$1")
  "$2" -m packing.needs requirements "$1" >"$3/requirements.txt"
  echo hatchling >>"$3/requirements.txt" # what builds ours
  set -- "$3/bin/python" "${pip[0]}/pip" "$3"
  "$1" "$2" install --quiet --require-hashes -c requirements.lock -r "$3/requirements.txt"
  "$1" "$2" install --quiet --no-deps --no-build-isolation --no-index "${folders[@]}"
  touch "$3/.complete"
}

python=$(find_python) || die "toolroll needs Python 3.11 or newer: set one up first, or name it as \`python\`"
# A second step of the same job finds it there; another Python or version of the action does not.
which=$("$python" -c 'import sys; print(sys.base_prefix, sys.version)')
folder=$RUNNER_TEMP/toolroll/$1-$(printf '%s' "$root $which" | cksum | cut -d ' ' -f 1)
[ -e "$folder/.complete" ] || make_environment "$1" "$python" "$folder"
echo "bin=$folder/bin" >>"$GITHUB_OUTPUT"
