# fish completion for observe, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_observe_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_observe_first
    set -l words (__toolroll_observe_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_observe_part
    set -l words (__toolroll_observe_words)
    switch "$words[1]"
        case serve check tail report
            echo $words[1]
        case '' '-*'
            echo itself
        case '*'
            return 1
    end
end

# Print the flags that take a value, of a subcommand.
function __toolroll_observe_takes
    switch $argv[1]
        case itself
            string split ' ' -- '--name --log-json --textfile --push --job --instance --listen'
        case serve
            string split ' ' -- '--log --listen --state --log-json'
        case check
            string split ' ' -- '--log-json'
        case tail
            string split ' ' -- '-n --lines --request-id --log-json'
        case report
            string split ' ' -- '--request-id --log-json'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_observe_parse
    set -l words (__toolroll_observe_words)
    set -l part (__toolroll_observe_part); or return
    set -l takes (__toolroll_observe_takes $part)
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
            for flag in (__toolroll_observe_split $word $takes)
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
function __toolroll_observe_split
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
function __toolroll_observe_operands
    string replace -rf '^operand ' '' -- (__toolroll_observe_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_observe_wants
    set -l part (__toolroll_observe_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_observe_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_observe_at
    test (count (__toolroll_observe_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_observe_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c observe -f
complete -c observe -n __toolroll_observe_first -a serve -d 'follow logs over their rotations, and serve what they come to'
complete -c observe -n __toolroll_observe_first -a check -d 'hold each line of logs against the JSON Schema of action records'
complete -c observe -n __toolroll_observe_first -a tail -d 'show the last records of a log, one a line, in colour on a terminal'
complete -c observe -n __toolroll_observe_first -a report -d 'say what logs come to'

# Print the words of the command that is run.
function __toolroll_observe_command
    contains -- -- (__toolroll_observe_words); and __toolroll_observe_operands
end

# Complete the command that is run as it completes alone.
function __toolroll_observe_handover
    complete -C (string join ' ' -- (string escape -- (__toolroll_observe_command)) (commandline -ct))
end

complete -c observe -n 'contains -- -- (__toolroll_observe_words)' -x -a '(__toolroll_observe_handover)'
complete -c observe -n '__toolroll_observe_wants itself -h --help; and test (count (__toolroll_observe_command)) -eq 0' -s h -l help -d 'show this help message and exit'
complete -c observe -n '__toolroll_observe_wants itself --name; and test (count (__toolroll_observe_command)) -eq 0' -l name -d 'the tool in the record that is made from the outside' -x
complete -c observe -n '__toolroll_observe_wants itself --log-json; and test (count (__toolroll_observe_command)) -eq 0' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c observe -n '__toolroll_observe_wants itself --version; and test (count (__toolroll_observe_command)) -eq 0' -l version -d 'show the version and exit'
complete -c observe -n '__toolroll_observe_wants itself --textfile; and test (count (__toolroll_observe_command)) -eq 0' -l textfile -d 'a .prom file in the folder of node_exporter\'s textfile collector' -r -F
complete -c observe -n '__toolroll_observe_wants itself --push; and test (count (__toolroll_observe_command)) -eq 0' -l push -d 'a Pushgateway' -x
complete -c observe -n '__toolroll_observe_wants itself --job; and test (count (__toolroll_observe_command)) -eq 0' -l job -d 'what it is pushed as' -x
complete -c observe -n '__toolroll_observe_wants itself --instance; and test (count (__toolroll_observe_command)) -eq 0' -l instance -d 'whose it is when it is pushed' -x
complete -c observe -n '__toolroll_observe_wants itself --listen; and test (count (__toolroll_observe_command)) -eq 0' -l listen -d 'serve /metrics while CMD runs' -x
complete -c observe -n '__toolroll_observe_wants serve -h --help' -s h -l help -d 'show this help message and exit'
complete -c observe -n '__toolroll_observe_wants serve' -l log -d 'a log to follow' -r -F
complete -c observe -n '__toolroll_observe_wants serve --listen' -l listen -d 'where' -x
complete -c observe -n '__toolroll_observe_wants serve --state' -l state -d 'where it is kept what was counted' -r -F
complete -c observe -n '__toolroll_observe_wants serve --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c observe -n '__toolroll_observe_wants serve --version' -l version -d 'show the version and exit'
complete -c observe -n '__toolroll_observe_wants serve; and not __toolroll_observe_wants serve --log' -F
complete -c observe -n '__toolroll_observe_wants check -h --help' -s h -l help -d 'show this help message and exit'
complete -c observe -n '__toolroll_observe_wants check --json' -l json -d 'print one JSON document'
complete -c observe -n '__toolroll_observe_wants check --schema' -l schema -d 'print the schema itself, and no more'
complete -c observe -n '__toolroll_observe_wants check --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c observe -n '__toolroll_observe_wants check --version' -l version -d 'show the version and exit'
complete -c observe -n '__toolroll_observe_wants check' -F
complete -c observe -n '__toolroll_observe_wants tail -h --help' -s h -l help -d 'show this help message and exit'
complete -c observe -n '__toolroll_observe_wants tail -n --lines' -s n -l lines -d 'how many records, at most' -x
complete -c observe -n '__toolroll_observe_wants tail -f --follow' -s f -l follow -d 'go on with what is written, over rotations'
complete -c observe -n '__toolroll_observe_wants tail --failed' -l failed -d 'only what was not ok'
complete -c observe -n '__toolroll_observe_wants tail --request-id' -l request-id -d 'only what one run has written' -x
complete -c observe -n '__toolroll_observe_wants tail --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c observe -n '__toolroll_observe_wants tail --version' -l version -d 'show the version and exit'
complete -c observe -n '__toolroll_observe_wants tail; and __toolroll_observe_at 0' -F
complete -c observe -n '__toolroll_observe_wants report -h --help' -s h -l help -d 'show this help message and exit'
complete -c observe -n '__toolroll_observe_wants report --json' -l json -d 'print one JSON document'
complete -c observe -n '__toolroll_observe_wants report --request-id' -l request-id -d 'only what one run has written' -x
complete -c observe -n '__toolroll_observe_wants report --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c observe -n '__toolroll_observe_wants report --version' -l version -d 'show the version and exit'
complete -c observe -n '__toolroll_observe_wants report' -F
