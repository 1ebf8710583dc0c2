# fish completion for artifact-index, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_artifact_index_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_artifact_index_first
    set -l words (__toolroll_artifact_index_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_artifact_index_part
    set -l words (__toolroll_artifact_index_words)
    switch "$words[1]"
        case sync export changes status verify
            echo $words[1]
        case '' '-*' '*/*'
            echo sync
        case '*'
            return 1
    end
end

# Print the flags that take a value, of a subcommand.
function __toolroll_artifact_index_takes
    switch $argv[1]
        case sync
            string split ' ' -- '--since --db --log-json --api-url --timeout --retries --max-wait'
        case export
            string split ' ' -- '--csv --ndjson --parquet --table --db --log-json'
        case changes
            string split ' ' -- '--since --db --log-json'
        case status
            string split ' ' -- '--db --log-json'
        case verify
            string split ' ' -- '--db --log-json'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_artifact_index_parse
    set -l words (__toolroll_artifact_index_words)
    set -l part (__toolroll_artifact_index_part); or return
    set -l takes (__toolroll_artifact_index_takes $part)
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
            for flag in (__toolroll_artifact_index_split $word $takes)
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
function __toolroll_artifact_index_split
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
function __toolroll_artifact_index_operands
    string replace -rf '^operand ' '' -- (__toolroll_artifact_index_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_artifact_index_wants
    set -l part (__toolroll_artifact_index_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_artifact_index_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_artifact_index_at
    test (count (__toolroll_artifact_index_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_artifact_index_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c artifact-index -f
complete -c artifact-index -n __toolroll_artifact_index_first -a sync -d 'store the releases and assets of GitHub repositories in a SQLite database'
complete -c artifact-index -n __toolroll_artifact_index_first -a export -d 'write a table of the database as CSV, JSON lines or Parquet'
complete -c artifact-index -n __toolroll_artifact_index_first -a changes -d 'list what syncs found new, changed, gone, back and downloaded, in the order of time'
complete -c artifact-index -n __toolroll_artifact_index_first -a status -d 'show what the database holds of each repository, and how far its last sync got'
complete -c artifact-index -n __toolroll_artifact_index_first -a verify -d 'check that the database is sound'
complete -c artifact-index -n '__toolroll_artifact_index_wants sync -h --help' -s h -l help -d 'show this help message and exit'
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --since' -l since -d 'only releases published at this date or instant' -x
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --all' -l all -d 'every repository of the database'
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --db' -l db -d 'the database' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --json' -l json -d 'print the summary as one JSON object'
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --version' -l version -d 'show the version and exit'
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --api-url' -l api-url -d 'the API\'s root' -x
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --timeout' -l timeout -d 'for each API request, with its redirects and answer' -x
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --retries' -l retries -d 'further tries after a passing failure' -x
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --max-wait' -l max-wait -d 'how long all rate-limit waits together may take' -x
complete -c artifact-index -n '__toolroll_artifact_index_wants sync --no-cache' -l no-cache -d 'neither use nor write the pages kept in $XDG_CACHE_HOME'
complete -c artifact-index -n '__toolroll_artifact_index_wants export -h --help' -s h -l help -d 'show this help message and exit'
complete -c artifact-index -n '__toolroll_artifact_index_wants export --csv --ndjson --parquet' -l csv -d 'CSV' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants export --ndjson --csv --parquet' -l ndjson -d 'one JSON object a line' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants export --parquet --csv --ndjson' -l parquet -d 'Parquet' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants export --table' -l table -d 'what to write' -r -f -a 'releases assets download_counts'
complete -c artifact-index -n '__toolroll_artifact_index_wants export --no-formulas' -l no-formulas -d 'in CSV, put \' before text that a spreadsheet would run as a formula'
complete -c artifact-index -n '__toolroll_artifact_index_wants export --db' -l db -d 'the database' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants export --json' -l json -d 'print the summary as one JSON object'
complete -c artifact-index -n '__toolroll_artifact_index_wants export --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants export --version' -l version -d 'show the version and exit'
complete -c artifact-index -n '__toolroll_artifact_index_wants changes -h --help' -s h -l help -d 'show this help message and exit'
complete -c artifact-index -n '__toolroll_artifact_index_wants changes --since' -l since -d 'what was seen at this date or instant' -x
complete -c artifact-index -n '__toolroll_artifact_index_wants changes --db' -l db -d 'the database' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants changes --json --ndjson' -l json -d 'print one JSON document'
complete -c artifact-index -n '__toolroll_artifact_index_wants changes --ndjson --json' -l ndjson -d 'print one JSON object a line'
complete -c artifact-index -n '__toolroll_artifact_index_wants changes --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants changes --version' -l version -d 'show the version and exit'
complete -c artifact-index -n '__toolroll_artifact_index_wants status -h --help' -s h -l help -d 'show this help message and exit'
complete -c artifact-index -n '__toolroll_artifact_index_wants status --db' -l db -d 'the database' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants status --json' -l json -d 'print the summary as one JSON object'
complete -c artifact-index -n '__toolroll_artifact_index_wants status --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants status --version' -l version -d 'show the version and exit'
complete -c artifact-index -n '__toolroll_artifact_index_wants verify -h --help' -s h -l help -d 'show this help message and exit'
complete -c artifact-index -n '__toolroll_artifact_index_wants verify --db' -l db -d 'the database' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants verify --json' -l json -d 'print the summary as one JSON object'
complete -c artifact-index -n '__toolroll_artifact_index_wants verify --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c artifact-index -n '__toolroll_artifact_index_wants verify --version' -l version -d 'show the version and exit'
