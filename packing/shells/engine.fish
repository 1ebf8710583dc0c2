# fish completion for @COMMAND@, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function _self_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function _self_first
    set -l words (_self_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function _self_part
@PART@
end

# Print the flags that take a value, of a subcommand.
function _self_takes
    switch $argv[1]
@TAKES@
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function _self_parse
    set -l words (_self_words)
    set -l part (_self_part); or return
    set -l takes (_self_takes $part)
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
            for flag in (_self_split $word $takes)
                if test $flag = value
                    set -q words[1]; or return
                    set -e words[1]
                else
                    set -a found $flag
                end
            end
            set -q found[1]; and printf 'flag %s\n' $found
        else
            set ended @CMD@
            printf 'operand %s\n' $word
        end
    end
end

# Print the flags of one word, and "value" if one of those given takes the next word.
function _self_split
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
function _self_operands
    string replace -rf '^operand ' '' -- (_self_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function _self_wants
    set -l part (_self_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (_self_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function _self_at
    test (count (_self_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function _self_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end
