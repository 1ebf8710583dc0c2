# fish completion for release-mirror, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_release_mirror_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_release_mirror_first
    set -l words (__toolroll_release_mirror_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_release_mirror_part
    set -l words (__toolroll_release_mirror_words)
    switch "$words[1]"
        case sync verify status prune serve
            echo $words[1]
        case '' '-*' '*/*'
            echo sync
        case '*'
            return 1
    end
end

# Print the flags that take a value, of a subcommand.
function __toolroll_release_mirror_takes
    switch $argv[1]
        case sync
            string split ' ' -- '--since --config --dest --on-replaced --log-json --tag --keep-last --include --exclude --max-size --concurrency --per-host --limit-rate --progress --api-url --timeout --retries --max-wait'
        case verify
            string split ' ' -- '--dest --jobs --log-json --api-url --timeout --retries --max-wait'
        case status
            string split ' ' -- '--dest --max-age --log-json'
        case prune
            string split ' ' -- '--dest --log-json --keep-last --before --tag --include --config'
        case serve
            string split ' ' -- '--dest --listen --public-url --log-json'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_release_mirror_parse
    set -l words (__toolroll_release_mirror_words)
    set -l part (__toolroll_release_mirror_part); or return
    set -l takes (__toolroll_release_mirror_takes $part)
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
            for flag in (__toolroll_release_mirror_split $word $takes)
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
function __toolroll_release_mirror_split
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
function __toolroll_release_mirror_operands
    string replace -rf '^operand ' '' -- (__toolroll_release_mirror_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_release_mirror_wants
    set -l part (__toolroll_release_mirror_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_release_mirror_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_release_mirror_at
    test (count (__toolroll_release_mirror_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_release_mirror_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c release-mirror -f
complete -c release-mirror -n __toolroll_release_mirror_first -a sync -d 'bring a mirror up to date'
complete -c release-mirror -n __toolroll_release_mirror_first -a verify -d 'read every mirrored file and hold it against the manifest'
complete -c release-mirror -n __toolroll_release_mirror_first -a status -d 'show what is mirrored of each repository, how large it is, and when a run over it was last complete'
complete -c release-mirror -n __toolroll_release_mirror_first -a prune -d 'remove mirrored files that fit all the conditions given'
complete -c release-mirror -n __toolroll_release_mirror_first -a serve -d 'serve a mirror over HTTP, read-only, as GitHub\'s API for releases and its download addresses'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync -h --help' -s h -l help -d 'show this help message and exit'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --since' -l since -d 'only releases published at this date or instant' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --config' -l config -d 'a TOML file that names the repositories, each with rules of its own' -r -F
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --dest' -l dest -d 'the mirror\'s folder' -r -f -a '(__toolroll_release_mirror_folders)'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --dry-run' -l dry-run -d 'print what would be done, and write nothing'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --on-replaced' -l on-replaced -d 'what to do about an asset that upstream has replaced under the same name' -r -f -a 'refuse keep-both replace'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --json' -l json -d 'print the summary'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --version' -l version -d 'show the version and exit'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync' -l tag -d 'only releases whose tag fits' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --latest' -l latest -d 'only the latest, as GitHub shows it'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --keep-last' -l keep-last -d 'only the newest N of those that fit' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --prereleases' -l prereleases -d 'pre-releases as well'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync' -l include -d 'only assets whose name fits' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync' -l exclude -d 'no assets whose name fits' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --max-size' -l max-size -d 'no assets larger than this' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --source-archives' -l source-archives -d 'also GitHub\'s archives of the tag, whose bytes nobody vouches for'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --concurrency' -l concurrency -d 'downloads at once' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --per-host' -l per-host -d 'downloads at once from one host' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --limit-rate' -l limit-rate -d 'bytes per second, all downloads together' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --progress' -l progress -d 'how to show it on stderr' -r -f -a 'auto bars lines none'
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --api-url' -l api-url -d 'the API\'s root' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --timeout' -l timeout -d 'for each API request, with its redirects and answer' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --retries' -l retries -d 'further tries after a passing failure' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --max-wait' -l max-wait -d 'how long all rate-limit waits together may take' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants sync --no-cache' -l no-cache -d 'neither use nor write the pages kept in $XDG_CACHE_HOME'
complete -c release-mirror -n '__toolroll_release_mirror_wants verify -h --help' -s h -l help -d 'show this help message and exit'
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --dest' -l dest -d 'the mirror\'s folder' -r -f -a '(__toolroll_release_mirror_folders)'
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --repair --rebuild' -l repair -d 'fetch what is missing or changed, and check again'
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --rebuild --repair' -l rebuild -d 'make the manifest anew from the files and the API, for the repositories named or else for each folder OWNER/REPO'
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --strict' -l strict -d 'unrecorded files are a failure, too'
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --jobs' -l jobs -d 'files read at once' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --json' -l json -d 'print the findings as one JSON object'
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --version' -l version -d 'show the version and exit'
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --api-url' -l api-url -d 'the API\'s root' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --timeout' -l timeout -d 'for each API request, with its redirects and answer' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --retries' -l retries -d 'further tries after a passing failure' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --max-wait' -l max-wait -d 'how long all rate-limit waits together may take' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants verify --no-cache' -l no-cache -d 'neither use nor write the pages kept in $XDG_CACHE_HOME'
complete -c release-mirror -n '__toolroll_release_mirror_wants status -h --help' -s h -l help -d 'show this help message and exit'
complete -c release-mirror -n '__toolroll_release_mirror_wants status --dest' -l dest -d 'the mirror\'s folder' -r -f -a '(__toolroll_release_mirror_folders)'
complete -c release-mirror -n '__toolroll_release_mirror_wants status --max-age' -l max-age -d 'fail if the last complete run of a repository is longer ago' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants status --json' -l json -d 'print one JSON object'
complete -c release-mirror -n '__toolroll_release_mirror_wants status --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c release-mirror -n '__toolroll_release_mirror_wants status --version' -l version -d 'show the version and exit'
complete -c release-mirror -n '__toolroll_release_mirror_wants prune -h --help' -s h -l help -d 'show this help message and exit'
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --dest' -l dest -d 'the mirror\'s folder' -r -f -a '(__toolroll_release_mirror_folders)'
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --yes' -l yes -d 'remove, and not only show'
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --json' -l json -d 'print what is removed as one JSON object'
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --version' -l version -d 'show the version and exit'
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --gone' -l gone -d 'it is gone upstream'
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --keep-last' -l keep-last -d 'its release is not among the newest N that are mirrored of its repository' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --before' -l before -d 'its release was published before this' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants prune' -l tag -d 'its release\'s tag fits' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --prereleases' -l prereleases -d 'its release is a pre-release'
complete -c release-mirror -n '__toolroll_release_mirror_wants prune' -l include -d 'its name fits' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants prune --config' -l config -d 'the rules of this file do not want it' -r -F
complete -c release-mirror -n '__toolroll_release_mirror_wants serve -h --help' -s h -l help -d 'show this help message and exit'
complete -c release-mirror -n '__toolroll_release_mirror_wants serve --dest' -l dest -d 'the mirror\'s folder' -r -f -a '(__toolroll_release_mirror_folders)'
complete -c release-mirror -n '__toolroll_release_mirror_wants serve --listen' -l listen -d 'where' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants serve --public-url' -l public-url -d 'what clients call it, where a proxy is in front' -x
complete -c release-mirror -n '__toolroll_release_mirror_wants serve --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c release-mirror -n '__toolroll_release_mirror_wants serve --version' -l version -d 'show the version and exit'
