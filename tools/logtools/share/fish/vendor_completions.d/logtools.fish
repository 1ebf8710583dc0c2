# fish completion for logtools, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_logtools_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_logtools_first
    set -l words (__toolroll_logtools_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_logtools_part
    set -l words (__toolroll_logtools_words)
    switch "$words[1]"
        case head grep tail
            echo $words[1]
        case '' '-*'
            echo itself
        case '*'
            return 1
    end
end

# Print the flags that take a value, of a subcommand.
function __toolroll_logtools_takes
    switch $argv[1]
        case head
            string split ' ' -- '-n --lines -c --bytes --log-json --since --until --time-field'
        case grep
            string split ' ' -- '-m --max-count -A --after-context -B --before-context -C --context --color --max-line-bytes --log-json --since --until --time-field'
        case tail
            string split ' ' -- '-n --lines -c --bytes --pid --cursor --max-line-bytes --log-json --since --until --time-field'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_logtools_parse
    set -l words (__toolroll_logtools_words)
    set -l part (__toolroll_logtools_part); or return
    set -l takes (__toolroll_logtools_takes $part)
    test "$words[1]" = $part; and set -e words[1]
    set -l ended no
    while set -q words[1]
        set -l word $words[1]
        set -e words[1]
        if test $ended = yes
            printf 'operand %s\n' $word
        else if test "$word" = --
            set ended yes
        else if string match -q -- '-?*' $word
            set -l found
            for flag in (__toolroll_logtools_split $word $takes)
                if test $flag = value
                    set -q words[1]; or return
                    set -e words[1]
                else
                    set -a found $flag
                end
            end
            set -q found[1]; and printf 'flag %s\n' $found
        else
            set ended no
            printf 'operand %s\n' $word
        end
    end
end

# Print the flags of one word, and "value" if one of those given takes the next word.
function __toolroll_logtools_split
    set -l takes $argv[2..]
    if string match -q -- '--*' $argv[1]
        string replace -r '=.*' '' -- $argv[1]
        contains -- $argv[1] $takes; and echo value
        return
    end
    set -l letters (string split '' -- (string sub -s 2 -- $argv[1]))
    while set -q letters[1]
        set -l flag -$letters[1]
        set -e letters[1]
        echo -- $flag
        if contains -- $flag $takes
            set -q letters[1]; or echo value
            return
        end
    end
end

# Print the words that are neither options nor their values.
function __toolroll_logtools_operands
    string replace -rf '^operand ' '' -- (__toolroll_logtools_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_logtools_wants
    set -l part (__toolroll_logtools_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_logtools_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_logtools_at
    test (count (__toolroll_logtools_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_logtools_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c logtools -f
complete -c logtools -n __toolroll_logtools_first -a head -d 'print the first 10 lines of each FILE'
complete -c logtools -n __toolroll_logtools_first -a grep -d 'print the lines of each FILE that have NEEDLE, which is a fixed string, not a pattern'
complete -c logtools -n __toolroll_logtools_first -a tail -d 'print the last 10 lines of each FILE'
complete -c logtools -n '__toolroll_logtools_wants itself -h --help' -s h -l help -d 'show this help message and exit'
complete -c logtools -n '__toolroll_logtools_wants itself --version' -l version -d 'show the version and exit'
complete -c logtools -n '__toolroll_logtools_wants head -h --help' -s h -l help -d 'show this help message and exit'
complete -c logtools -n '__toolroll_logtools_wants head -n --lines -c --bytes' -s n -l lines -d 'the first N lines' -x
complete -c logtools -n '__toolroll_logtools_wants head -c --bytes -n --lines' -s c -l bytes -d 'the first N bytes' -x
complete -c logtools -n '__toolroll_logtools_wants head -q --quiet -v --verbose' -s q -l quiet -d 'print no headers, which several files get'
complete -c logtools -n '__toolroll_logtools_wants head -v --verbose -q --quiet' -s v -l verbose -d 'print them for one file, too'
complete -c logtools -n '__toolroll_logtools_wants head --raw' -l raw -d 'on a terminal, print escape sequences as they are'
complete -c logtools -n '__toolroll_logtools_wants head --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c logtools -n '__toolroll_logtools_wants head --version' -l version -d 'show the version and exit'
complete -c logtools -n '__toolroll_logtools_wants head --since' -l since -d 'only lines of this time or later' -x
complete -c logtools -n '__toolroll_logtools_wants head --until' -l until -d 'only lines of this time or earlier' -x
complete -c logtools -n '__toolroll_logtools_wants head --local-time' -l local-time -d 'times without a zone are local, not UTC'
complete -c logtools -n '__toolroll_logtools_wants head --time-field' -l time-field -d 'the field of JSON lines that holds the time' -x
complete -c logtools -n '__toolroll_logtools_wants head' -F
complete -c logtools -n '__toolroll_logtools_wants grep -h --help' -s h -l help -d 'show this help message and exit'
complete -c logtools -n '__toolroll_logtools_wants grep -i --ignore-case' -s i -l ignore-case -d 'compare letters caselessly, as Unicode folds them'
complete -c logtools -n '__toolroll_logtools_wants grep -v --invert-match' -s v -l invert-match -d 'select the lines without NEEDLE'
complete -c logtools -n '__toolroll_logtools_wants grep -m --max-count' -s m -l max-count -d 'stop after N selected lines' -x
complete -c logtools -n '__toolroll_logtools_wants grep -A --after-context' -s A -l after-context -d 'print N lines after each, too' -x
complete -c logtools -n '__toolroll_logtools_wants grep -B --before-context' -s B -l before-context -d 'print N lines before each, too' -x
complete -c logtools -n '__toolroll_logtools_wants grep -C --context' -s C -l context -d 'print N lines before and after each, too' -x
complete -c logtools -n '__toolroll_logtools_wants grep -c --count -l --files-with-matches -L --files-without-match -q --quiet -o --only-matching --json --ndjson' -s c -l count -d 'print only how many lines are selected'
complete -c logtools -n '__toolroll_logtools_wants grep -l --files-with-matches -c --count -L --files-without-match -q --quiet -o --only-matching --json --ndjson' -s l -l files-with-matches -d 'print only the names of FILEs with selected lines'
complete -c logtools -n '__toolroll_logtools_wants grep -L --files-without-match -c --count -l --files-with-matches -q --quiet -o --only-matching --json --ndjson' -s L -l files-without-match -d 'print only the names of FILEs without any'
complete -c logtools -n '__toolroll_logtools_wants grep -q --quiet -c --count -l --files-with-matches -L --files-without-match -o --only-matching --json --ndjson' -s q -l quiet -d 'print nothing'
complete -c logtools -n '__toolroll_logtools_wants grep -o --only-matching -c --count -l --files-with-matches -L --files-without-match -q --quiet --json --ndjson' -s o -l only-matching -d 'print only what fits NEEDLE, each on a line of its own'
complete -c logtools -n '__toolroll_logtools_wants grep --json -c --count -l --files-with-matches -L --files-without-match -q --quiet -o --only-matching --ndjson' -l json -d 'print one JSON document'
complete -c logtools -n '__toolroll_logtools_wants grep --ndjson -c --count -l --files-with-matches -L --files-without-match -q --quiet -o --only-matching --json' -l ndjson -d 'print one JSON record a line'
complete -c logtools -n '__toolroll_logtools_wants grep -n --line-number' -s n -l line-number -d 'print each line\'s number before it'
complete -c logtools -n '__toolroll_logtools_wants grep -H --with-filename --no-filename' -s H -l with-filename -d 'print the FILE\'s name before each line'
complete -c logtools -n '__toolroll_logtools_wants grep --no-filename -H --with-filename' -l no-filename -d 'print no names, which several FILEs get'
complete -c logtools -n '__toolroll_logtools_wants grep --color' -l color -d 'mark what fits NEEDLE' -r -f -a 'auto always never'
complete -c logtools -n '__toolroll_logtools_wants grep --line-buffered' -l line-buffered -d 'write each line as soon as it is found'
complete -c logtools -n '__toolroll_logtools_wants grep --max-line-bytes' -l max-line-bytes -d 'cut longer lines, with a mark' -x
complete -c logtools -n '__toolroll_logtools_wants grep --raw' -l raw -d 'on a terminal, print escape sequences as they are'
complete -c logtools -n '__toolroll_logtools_wants grep --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c logtools -n '__toolroll_logtools_wants grep --version' -l version -d 'show the version and exit'
complete -c logtools -n '__toolroll_logtools_wants grep --since' -l since -d 'only lines of this time or later' -x
complete -c logtools -n '__toolroll_logtools_wants grep --until' -l until -d 'only lines of this time or earlier' -x
complete -c logtools -n '__toolroll_logtools_wants grep --local-time' -l local-time -d 'times without a zone are local, not UTC'
complete -c logtools -n '__toolroll_logtools_wants grep --time-field' -l time-field -d 'the field of JSON lines that holds the time' -x
complete -c logtools -n '__toolroll_logtools_wants grep' -F
complete -c logtools -n '__toolroll_logtools_wants tail -h --help' -s h -l help -d 'show this help message and exit'
complete -c logtools -n '__toolroll_logtools_wants tail -n --lines -c --bytes' -s n -l lines -d 'the last N lines' -x
complete -c logtools -n '__toolroll_logtools_wants tail -c --bytes -n --lines' -s c -l bytes -d 'the last N bytes' -x
complete -c logtools -n '__toolroll_logtools_wants tail -f --follow' -s f -l follow -d 'then print what is added, whole lines only, by name'
complete -c logtools -n '__toolroll_logtools_wants tail --pid' -l pid -d 'with -f' -x
complete -c logtools -n '__toolroll_logtools_wants tail --cursor' -l cursor -d 'print what came to FILE since the last run with this CURSOR, which it keeps there' -r -F
complete -c logtools -n '__toolroll_logtools_wants tail -q --quiet -v --verbose' -s q -l quiet -d 'print no headers, which several files get'
complete -c logtools -n '__toolroll_logtools_wants tail -v --verbose -q --quiet' -s v -l verbose -d 'print them for one file, too'
complete -c logtools -n '__toolroll_logtools_wants tail --max-line-bytes' -l max-line-bytes -d 'cut longer lines that are followed or come from a pipe, with a mark' -x
complete -c logtools -n '__toolroll_logtools_wants tail --raw' -l raw -d 'on a terminal, print escape sequences as they are'
complete -c logtools -n '__toolroll_logtools_wants tail --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c logtools -n '__toolroll_logtools_wants tail --version' -l version -d 'show the version and exit'
complete -c logtools -n '__toolroll_logtools_wants tail --since' -l since -d 'only lines of this time or later' -x
complete -c logtools -n '__toolroll_logtools_wants tail --until' -l until -d 'only lines of this time or earlier' -x
complete -c logtools -n '__toolroll_logtools_wants tail --local-time' -l local-time -d 'times without a zone are local, not UTC'
complete -c logtools -n '__toolroll_logtools_wants tail --time-field' -l time-field -d 'the field of JSON lines that holds the time' -x
complete -c logtools -n '__toolroll_logtools_wants tail' -F
