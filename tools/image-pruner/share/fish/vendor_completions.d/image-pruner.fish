# fish completion for image-pruner, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_image_pruner_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_image_pruner_first
    set -l words (__toolroll_image_pruner_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_image_pruner_part
    echo itself
end

# Print the flags that take a value, of a subcommand.
function __toolroll_image_pruner_takes
    switch $argv[1]
        case itself
            string split ' ' -- '--log-json --older-than --filter --label --keep-last --exclude --age-basis --max-delete --plan -H --host --context --timeout'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_image_pruner_parse
    set -l words (__toolroll_image_pruner_words)
    set -l part (__toolroll_image_pruner_part); or return
    set -l takes (__toolroll_image_pruner_takes $part)
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
            for flag in (__toolroll_image_pruner_split $word $takes)
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
function __toolroll_image_pruner_split
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
function __toolroll_image_pruner_operands
    string replace -rf '^operand ' '' -- (__toolroll_image_pruner_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_image_pruner_wants
    set -l part (__toolroll_image_pruner_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_image_pruner_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_image_pruner_at
    test (count (__toolroll_image_pruner_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_image_pruner_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c image-pruner -f
complete -c image-pruner -n '__toolroll_image_pruner_wants itself -h --help' -s h -l help -d 'show this help message and exit'
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --version' -l version -d 'show the version and exit'
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --older-than' -l older-than -d 'older than this many days, or 36h, 2w, ...' -x
complete -c image-pruner -n '__toolroll_image_pruner_wants itself' -l filter -d 'of this repository' -x
complete -c image-pruner -n '__toolroll_image_pruner_wants itself' -l label -d 'with this label, or with a ! before it, without' -x
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --dangling' -l dangling -d 'without a name, and nothing made from them'
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --keep-last' -l keep-last -d 'not among the last N of a repository' -x
complete -c image-pruner -n '__toolroll_image_pruner_wants itself' -l exclude -d 'not this repository, repository:tag or id' -x
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --age-basis' -l age-basis -d 'count age from the build' -r -f -a 'created tagged'
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --max-delete' -l max-delete -d 'no more than N, the oldest first' -x
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --yes' -l yes -d 'delete'
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --plan' -l plan -d 'write the plan to FILE' -r -F
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --json' -l json -d 'print one JSON document at the end'
complete -c image-pruner -n '__toolroll_image_pruner_wants itself -H --host' -s H -l host -d 'unix://, tcp:// or ssh://' -x
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --context' -l context -d 'a context of docker\'s' -x
complete -c image-pruner -n '__toolroll_image_pruner_wants itself --timeout' -l timeout -d 'for each answer of the daemon' -x
