# bash completion for @COMMAND@ (bash 4.1 or newer), made by `make pages` from its options.

# Offer what a line of @COMMAND@ can go on with.
_self() {
    local -A takes=() spends=()
    local -a flags=() operands=() names=() words=() places=() lines=()
    local at=1 last runs pending='' count=0 ended='' redirected='' gone=' '
    COMPREPLY=()
    _self_words
    last=$((${#words[@]} - 1))
    _self_table || return 0
    _self_walk || return 0
    _self_answer "${words[last]}"
}

# What there is: flags, what they take, what they make pointless, operands ('+': any number).
_self_table() {
@TABLE@
}

# Put together what bash has parted at = and :, up to the cursor.
_self_words() {
    local line=${COMP_LINE:0:COMP_POINT} word i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        if ((i == 0)) || [[ $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            words+=('') places+=("$i") lines+=("$line")
        fi
        word=${COMP_WORDS[i]}
        [[ $line == "$word"* ]] || word=$line # the cursor is in it
        words[${#words[@]} - 1]+=$word
        line=${line#"$word"}
    done
}

# Go through the words before the last one; fail if the rest is another command's.
_self_walk() {
    local i word
    for ((i = at; i < last; i++)); do
        word=${words[i]}
        if [[ -n $redirected ]]; then
            redirected=''
        elif [[ $word =~ ^[0-9]*[\<\>] ]]; then
            [[ $word != *[\<\>] ]] || redirected=yes
        elif [[ $pending == *+ && $word != -?* || -n $pending && $pending != *+ ]]; then
            [[ $pending == *+ ]] || pending=''
        elif [[ -z $ended && $word == -?* ]]; then
            _self_option "$word"
            if [[ -n $ended && -n $runs ]]; then
                _self_handover $((i + 1))
                return 1
            fi
        elif [[ $runs == CMD ]]; then
            _self_handover "$i"
            return 1
        else
            pending='' count=$((count + 1))
        fi
    done
}

# Take note of an option: what it makes pointless, and whether its value comes next.
_self_option() {
    local word=$1 flag=${1%%=*}
    pending=''
    if [[ $word == -- ]]; then
        ended=yes
    elif [[ $word == --* ]]; then
        gone+="${spends[$flag]-$flag} "
        [[ $word == *=* ]] || pending=${takes[$flag]-}
    else
        while [[ -z $pending && ${#word} -gt 1 ]]; do # -abc is -a -b -c
            flag=-${word:1:1} word=-${word:2}
            gone+="${spends[$flag]-$flag} "
            pending=${takes[$flag]-}
        done
        [[ $word == - ]] || pending='' # the value is in the same word
    fi
}

# Offer what the last word can become.
_self_answer() {
    local word=$1 place=$count
    if [[ -n $redirected || $word =~ ^[0-9]*[\<\>] ]]; then
        compopt -o default
    elif [[ -n $pending && ! ($pending == *+ && $word == -*) ]]; then
        _self_offer "${pending%+}" "$word"
    elif [[ -z $ended && $word == --*=* ]]; then
        pending=${takes[${word%%=*}]-none}
        _self_offer "${pending%+}" "${word#*=}"
    elif [[ -z $ended && $word == -* ]]; then
        _self_flags "$word"
    elif [[ $runs == CMD ]]; then
        _self_handover "$last"
    elif ((last == 1 && ${#names[@]})); then
        _self_offer "${names[*]}" "$word"
    else
        ((place < ${#operands[@]})) || place=$((${#operands[@]} - 1))
        ((place < 0)) || [[ $place -lt $count && ${operands[place]} != *+ ]] ||
            _self_offer "${operands[place]%+}" "$word"
    fi
}

# Offer the flags that still make sense.
_self_flags() {
    local flag
    for flag in "${flags[@]}"; do
        [[ $flag != "$1"* || $gone == *" $flag "* ]] || COMPREPLY+=("$flag")
    done
}

# Offer values of a kind, or some of the words given.
_self_offer() {
    local word before=''
    case $1 in
        none) ;;
        file) compopt -o default ;;
        dir) compopt -o dirnames ;;
        *)
            [[ $COMP_WORDBREAKS == *=* || ${words[last]} != --*=* ]] || before=${words[last]%%=*}=
            for word in $1; do
                [[ $word != "$2"* ]] || COMPREPLY+=("$before$word")
            done
            ;;
    esac
}

# Complete the command that begins at word $1, as it completes alone.
_self_handover() {
    local command=${words[$1]} first=${places[$1]} function
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$first"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$first"
    elif (($1 == last)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$command")
    else
        function=$(complete -p -- "$command" 2>/dev/null) || function=
        if [[ $function != *' -F '* ]]; then
            compopt -o default
            return
        fi
        function=${function#* -F }
        COMP_LINE=${lines[$1]} COMP_POINT=${#COMP_LINE}
        COMP_WORDS=("${COMP_WORDS[@]:first}") COMP_CWORD=$((COMP_CWORD - first))
        "${function%% *}" "$command" "${words[last]}" "${words[last - 1]}"
    fi
}

complete -F _self @COMMAND@
