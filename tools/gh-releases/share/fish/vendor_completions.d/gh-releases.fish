# fish completion for gh-releases, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_gh_releases_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_gh_releases_first
    set -l words (__toolroll_gh_releases_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_gh_releases_part
    echo itself
end

# Print the flags that take a value, of a subcommand.
function __toolroll_gh_releases_takes
    switch $argv[1]
        case itself
            string split ' ' -- '--since --until --tag --limit --log-json --api-url --timeout --retries --max-wait'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_gh_releases_parse
    set -l words (__toolroll_gh_releases_words)
    set -l part (__toolroll_gh_releases_part); or return
    set -l takes (__toolroll_gh_releases_takes $part)
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
            for flag in (__toolroll_gh_releases_split $word $takes)
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
function __toolroll_gh_releases_split
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
function __toolroll_gh_releases_operands
    string replace -rf '^operand ' '' -- (__toolroll_gh_releases_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_gh_releases_wants
    set -l part (__toolroll_gh_releases_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_gh_releases_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_gh_releases_at
    test (count (__toolroll_gh_releases_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_gh_releases_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c gh-releases -f
complete -c gh-releases -n '__toolroll_gh_releases_wants itself -h --help' -s h -l help -d 'show this help message and exit'
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --since' -l since -d 'only releases published at this date or instant' -x
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --until' -l until -d 'only releases published at this instant, or by the end of this date, or earlier' -x
complete -c gh-releases -n '__toolroll_gh_releases_wants itself' -l tag -d 'only releases whose tag fits' -x
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --exclude-prereleases' -l exclude-prereleases -d 'leave pre-releases out'
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --exclude-drafts' -l exclude-drafts -d 'leave drafts out'
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --limit' -l limit -d 'no more than N releases' -x
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --assets' -l assets -d 'list assets instead of releases, one a row'
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --json --ndjson' -l json -d 'print one JSON document at the end'
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --ndjson --json' -l ndjson -d 'print one JSON record a line, as pages arrive'
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --meta' -l meta -d 'with --json'
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --version' -l version -d 'show the version and exit'
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --api-url' -l api-url -d 'the API\'s root' -x
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --timeout' -l timeout -d 'for each API request, with its redirects and answer' -x
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --retries' -l retries -d 'further tries after a passing failure' -x
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --max-wait' -l max-wait -d 'how long all rate-limit waits together may take' -x
complete -c gh-releases -n '__toolroll_gh_releases_wants itself --no-cache' -l no-cache -d 'neither use nor write the pages kept in $XDG_CACHE_HOME'
