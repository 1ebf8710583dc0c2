#!/usr/bin/env bash
# One run of multi-fetch as a step; action.yml says what the variables are.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=actions/step.sh
source "$here/../step.sh"

scratch=$(mktemp -d "$RUNNER_TEMP/multi-fetch-XXXXXX")
if [ -n "$URLS" ] && [ -n "$FILE" ]; then
  echo "::error::multi-fetch: give urls or file, not both"
  exit 2
fi
if [ -n "$URLS" ]; then
  FILE=$scratch/urls.txt
  printf '%s\n' "$URLS" >"$FILE"
fi

arguments=(--ndjson "--json-summary=$scratch/summary.json")
add --output-dir "$OUTPUT_DIR"
add --fail-on "$FAIL_ON"
flag --sha256 "$SHA256"
append_lines "$ARGS"
arguments+=(-- "$FILE")

run "$scratch/records.ndjson" "$BIN/multi-fetch" "${arguments[@]}"
"$BIN/python" "$here/../../packing/step.py" "$scratch/summary.json" "$code" \
  title=multi-fetch "records=$scratch/records.ndjson"
exit "$code"
