#!/usr/bin/env bash
# One run of release-mirror as a step; action.yml says what the variables are.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=actions/step.sh
source "$here/../step.sh"

arguments=(sync --json)
add --dest "$DEST"
add --config "$CONFIG"
add --since "$SINCE"
add --keep-last "$KEEP_LAST"
add_lines --tag "$TAG"
add_lines --include "$INCLUDE"
add_lines --exclude "$EXCLUDE"
append_lines "$ARGS"
arguments+=(--)
append_lines "$REPOSITORY"

summary=$(mktemp "$RUNNER_TEMP/release-mirror-XXXXXX")
run "$summary" "$BIN/release-mirror" "${arguments[@]}"
"$BIN/python" "$here/../../packing/step.py" "$summary" "$code" \
  title=release-mirror ${DEST:+"manifest=$DEST/manifest.sqlite"}

if [ "$code" = 75 ] && [ "$ALLOW_THROTTLED" = true ]; then
  echo "::warning::release-mirror: not complete, as limits or another run stood in the way; a later run goes on"
  exit 0
fi
exit "$code"
