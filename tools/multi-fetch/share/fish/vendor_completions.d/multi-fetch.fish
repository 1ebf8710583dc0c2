# fish completion for multi-fetch, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_multi_fetch_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_multi_fetch_first
    set -l words (__toolroll_multi_fetch_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_multi_fetch_part
    echo itself
end

# Print the flags that take a value, of a subcommand.
function __toolroll_multi_fetch_takes
    switch $argv[1]
        case itself
            string split ' ' -- '--log-json --concurrency --per-host --timeout --idle-timeout --retries --max-bytes --limit-rate --grace --method --header --proxy --output-dir --resume --fail-on --json-summary'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_multi_fetch_parse
    set -l words (__toolroll_multi_fetch_words)
    set -l part (__toolroll_multi_fetch_part); or return
    set -l takes (__toolroll_multi_fetch_takes $part)
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
            for flag in (__toolroll_multi_fetch_split $word $takes)
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
function __toolroll_multi_fetch_split
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
function __toolroll_multi_fetch_operands
    string replace -rf '^operand ' '' -- (__toolroll_multi_fetch_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_multi_fetch_wants
    set -l part (__toolroll_multi_fetch_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_multi_fetch_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_multi_fetch_at
    test (count (__toolroll_multi_fetch_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_multi_fetch_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c multi-fetch -f
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself -h --help' -s h -l help -d 'show this help message and exit'
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --version' -l version -d 'show the version and exit'
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --concurrency' -l concurrency -d 'requests in flight at once' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --per-host' -l per-host -d 'requests in flight at once to one scheme, host and port' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --timeout' -l timeout -d 'for one attempt as a whole, redirects included' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --idle-timeout' -l idle-timeout -d 'without a byte from the server, and until a connection stands' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --retries' -l retries -d 'of what may pass' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --max-bytes' -l max-bytes -d 'of one body, such as 10M' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --limit-rate' -l limit-rate -d 'a second, of all bodies together, such as 500K or 1.5M' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --grace' -l grace -d 'for what is in flight at the first Ctrl+C' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --method' -l method -d 'of all requests' -r -f -a 'GET HEAD'
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself' -l header -d '\'Name' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --proxy' -l proxy -d 'for all requests' -x
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --ndjson' -l ndjson -d 'print one JSON record a line'
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --output-dir' -l output-dir -d 'save bodies there, each whole or not at all, under a name made of its URL' -r -f -a '(__toolroll_multi_fetch_folders)'
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --durable' -l durable -d 'wait until the disk has each saved body'
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --sha256' -l sha256 -d 'hash the bodies'
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --resume' -l resume -d 'do not fetch again what these records of an earlier run say is done' -r -F
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --fail-on' -l fail-on -d 'what makes the exit code 1' -r -f -a 'http transport never'
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself --json-summary' -l json-summary -d 'write the summary there as JSON' -r -F
complete -c multi-fetch -n '__toolroll_multi_fetch_wants itself; and __toolroll_multi_fetch_at 0' -F
