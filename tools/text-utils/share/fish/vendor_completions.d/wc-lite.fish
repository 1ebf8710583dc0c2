# fish completion for wc-lite, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_wc_lite_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_wc_lite_first
    set -l words (__toolroll_wc_lite_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_wc_lite_part
    echo itself
end

# Print the flags that take a value, of a subcommand.
function __toolroll_wc_lite_takes
    switch $argv[1]
        case itself
            string split ' ' -- '--files0-from --log-json'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_wc_lite_parse
    set -l words (__toolroll_wc_lite_words)
    set -l part (__toolroll_wc_lite_part); or return
    set -l takes (__toolroll_wc_lite_takes $part)
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
            for flag in (__toolroll_wc_lite_split $word $takes)
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
function __toolroll_wc_lite_split
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
function __toolroll_wc_lite_operands
    string replace -rf '^operand ' '' -- (__toolroll_wc_lite_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_wc_lite_wants
    set -l part (__toolroll_wc_lite_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_wc_lite_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_wc_lite_at
    test (count (__toolroll_wc_lite_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_wc_lite_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c wc-lite -f
complete -c wc-lite -n '__toolroll_wc_lite_wants itself -h --help' -s h -l help -d 'show this help message and exit'
complete -c wc-lite -n '__toolroll_wc_lite_wants itself -l --lines' -s l -l lines -d 'print the number of the newlines'
complete -c wc-lite -n '__toolroll_wc_lite_wants itself -w --words' -s w -l words -d 'print the number of the words'
complete -c wc-lite -n '__toolroll_wc_lite_wants itself -m --chars' -s m -l chars -d 'print the number of the characters of UTF-8'
complete -c wc-lite -n '__toolroll_wc_lite_wants itself -c --bytes' -s c -l bytes -d 'print the number of the bytes'
complete -c wc-lite -n '__toolroll_wc_lite_wants itself -L --max-line-length' -s L -l max-line-length -d 'print the number of the columns of the widest line'
complete -c wc-lite -n '__toolroll_wc_lite_wants itself --files0-from' -l files0-from -d 'count the files that FILE names, each name ended by a NUL' -r -F
complete -c wc-lite -n '__toolroll_wc_lite_wants itself --json' -l json -d 'print one JSON document'
complete -c wc-lite -n '__toolroll_wc_lite_wants itself --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c wc-lite -n '__toolroll_wc_lite_wants itself --version' -l version -d 'show the version and exit'
complete -c wc-lite -n '__toolroll_wc_lite_wants itself' -F
