# fish completion for k8s-toolbox, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_k8s_toolbox_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_k8s_toolbox_first
    set -l words (__toolroll_k8s_toolbox_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_k8s_toolbox_part
    set -l words (__toolroll_k8s_toolbox_words)
    switch "$words[1]"
        case pods logs events
            echo $words[1]
        case '' '-*'
            echo itself
        case '*'
            return 1
    end
end

# Print the flags that take a value, of a subcommand.
function __toolroll_k8s_toolbox_takes
    switch $argv[1]
        case pods
            string split ' ' -- '--log-json -l --selector --field-selector -o --output --sort-by -n --namespace --context --kubeconfig --timeout'
        case logs
            string split ' ' -- '--log-json -l --selector -c --container --max-log-requests --tail --since --since-time --grep -n --namespace --context --kubeconfig --timeout'
        case events
            string split ' ' -- '--log-json --since --for --types -n --namespace --context --kubeconfig --timeout'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_k8s_toolbox_parse
    set -l words (__toolroll_k8s_toolbox_words)
    set -l part (__toolroll_k8s_toolbox_part); or return
    set -l takes (__toolroll_k8s_toolbox_takes $part)
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
            for flag in (__toolroll_k8s_toolbox_split $word $takes)
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
function __toolroll_k8s_toolbox_split
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
function __toolroll_k8s_toolbox_operands
    string replace -rf '^operand ' '' -- (__toolroll_k8s_toolbox_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_k8s_toolbox_wants
    set -l part (__toolroll_k8s_toolbox_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_k8s_toolbox_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_k8s_toolbox_at
    test (count (__toolroll_k8s_toolbox_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_k8s_toolbox_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c k8s-toolbox -f
complete -c k8s-toolbox -n __toolroll_k8s_toolbox_first -a pods -d 'show pods as kubectl does, with its words for their status'
complete -c k8s-toolbox -n __toolroll_k8s_toolbox_first -a logs -d 'show what containers write'
complete -c k8s-toolbox -n __toolroll_k8s_toolbox_first -a events -d 'show what a cluster reports, sorted by when it was last seen'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants itself -h --help' -s h -l help -d 'show this help message and exit'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants itself --version' -l version -d 'show the version and exit'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods -h --help' -s h -l help -d 'show this help message and exit'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods --version' -l version -d 'show the version and exit'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods -l --selector' -s l -l selector -d 'with labels' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods --field-selector' -l field-selector -d 'with fields' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods --problems' -l problems -d 'that are not well, and why'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods -o --output' -s o -l output -d 'wide' -r -f -a 'wide'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods --sort-by' -l sort-by -d 'name, namespace, ready, status, restarts, last-restart, created, age, node, ip' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods -w --watch' -s w -l watch -d 'go on, with a row for each change'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods --json' -l json -d 'one JSON document'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods -n --namespace -A --all-namespaces' -s n -l namespace -d '(default' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods -A --all-namespaces -n --namespace' -s A -l all-namespaces -d 'in all namespaces'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods --context' -l context -d 'a context' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods --kubeconfig' -l kubeconfig -d '(default' -r -F
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants pods --timeout' -l timeout -d 'for each answer of the API server' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs -h --help' -s h -l help -d 'show this help message and exit'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --version' -l version -d 'show the version and exit'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs -l --selector' -s l -l selector -d 'of pods with labels' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs -c --container --all-containers' -s c -l container -d 'this one' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --all-containers -c --container' -l all-containers -d 'all, init and ephemeral ones too'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs -p --previous' -s p -l previous -d 'as it was before its last restart'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --max-log-requests' -l max-log-requests -d 'no more than N containers at the same time' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --tail' -l tail -d 'the last N of each' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --since --since-time' -l since -d 'of the last 10m, 2h, ...' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --since-time --since' -l since-time -d 'since 2026-05-01T12:00:00Z' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs' -l grep -d 'in which this is found' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs -f --follow' -s f -l follow -d 'go on with what comes'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --timestamps' -l timestamps -d 'with the time of each line'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --no-prefix' -l no-prefix -d 'without [pod/container], where there are several'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --json' -l json -d 'one JSON object per line'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs -n --namespace' -s n -l namespace -d '(default' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --context' -l context -d 'a context' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --kubeconfig' -l kubeconfig -d '(default' -r -F
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants logs --timeout' -l timeout -d 'for each answer of the API server' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events -h --help' -s h -l help -d 'show this help message and exit'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events --log-json' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events --version' -l version -d 'show the version and exit'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events --since' -l since -d 'last seen within' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events --for' -l for -d 'about it' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events --types' -l types -d 'Normal, Warning, or both with a comma' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events -w --watch' -s w -l watch -d 'go on with those that come'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events --json' -l json -d 'one JSON document'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events -n --namespace -A --all-namespaces' -s n -l namespace -d '(default' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events -A --all-namespaces -n --namespace' -s A -l all-namespaces -d 'in all namespaces'
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events --context' -l context -d 'a context' -x
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events --kubeconfig' -l kubeconfig -d '(default' -r -F
complete -c k8s-toolbox -n '__toolroll_k8s_toolbox_wants events --timeout' -l timeout -d 'for each answer of the API server' -x
