# shellcheck shell=bash
# shellcheck disable=SC2034 # who sources this reads $code
# What the actions' run.sh have in common; bash 3.2 knows all of it, which macOS has.

arguments=()

add() { # add OPTION VALUE: nothing if the value is empty; one beginning with - stays a value
  [ -z "$2" ] || arguments+=("$1=$2")
}

flag() { # flag OPTION WORD: if the word is true
  case $2 in
    true) arguments+=("$1") ;;
    false | "") ;;
    *) echo "::error::${1#--} has to be true or false" && exit 2 ;;
  esac
}

lines() { # lines TEXT: into $each, one for each line that is not blank, without spaces around it
  local line
  each=()
  while IFS= read -r line; do
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    [ -z "$line" ] || each+=("$line")
  done <<<"$1"
}

add_lines() { # add_lines OPTION TEXT
  local line each
  lines "$2"
  for line in ${each[@]+"${each[@]}"}; do add "$1" "$line"; done
}

append_lines() { # append_lines TEXT: each line is an argument
  local each
  lines "$1"
  arguments+=(${each[@]+"${each[@]}"})
}

# run FILE COMMAND...: stdout goes to a file, the exit code to $code. What the command says comes
# from outside in part, and is no command to the runner. A cancelled job lets it clean up.
run() {
  local file=$1 fence child
  shift
  fence=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  echo "::stop-commands::$fence"
  # stderr joins our stdout, so that it does not overtake the line above; no { }: a shell in
  # between would get the signal, and not the command.
  # shellcheck disable=SC2069
  "$@" 2>&1 >"$file" &
  child=$!
  trap 'kill -TERM "$child" 2>/dev/null || true' INT TERM
  code=0
  wait "$child" || code=$?
  while kill -0 "$child" 2>/dev/null; do # a signal ended the wait, and not yet the child
    code=0
    wait "$child" || code=$?
  done
  trap - INT TERM
  echo "::$fence::"
}
