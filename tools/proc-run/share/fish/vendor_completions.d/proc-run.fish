# fish completion for proc-run, made by `make pages` from its options.

# Print the words before the one that is typed, without the command.
function __toolroll_proc_run_words
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    set -e words[1]
    set -q words[1]; and printf '%s\n' $words
end

# Succeed before the first word.
function __toolroll_proc_run_first
    set -l words (__toolroll_proc_run_words)
    not set -q words[1]
end

# Print which options belong here, by subcommand; fail for a word that is none.
function __toolroll_proc_run_part
    echo itself
end

# Print the flags that take a value, of a subcommand.
function __toolroll_proc_run_takes
    switch $argv[1]
        case itself
            string split ' ' -- '--log-json -t --timeout --idle-timeout -s --signal -k --kill-after --max-output --grace --json-file --tail-bytes --redact --secret-env --retries --backoff --lock --lock-wait --lock-code --env-file --cwd --nice'
    end
end

# Go through the words: print each flag, with "flag " before it, and each operand likewise. One
# whose value is being typed is not there yet.
function __toolroll_proc_run_parse
    set -l words (__toolroll_proc_run_words)
    set -l part (__toolroll_proc_run_part); or return
    set -l takes (__toolroll_proc_run_takes $part)
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
            for flag in (__toolroll_proc_run_split $word $takes)
                if test $flag = value
                    set -q words[1]; or return
                    set -e words[1]
                else
                    set -a found $flag
                end
            end
            set -q found[1]; and printf 'flag %s\n' $found
        else
            set ended yes
            printf 'operand %s\n' $word
        end
    end
end

# Print the flags of one word, and "value" if one of those given takes the next word.
function __toolroll_proc_run_split
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
function __toolroll_proc_run_operands
    string replace -rf '^operand ' '' -- (__toolroll_proc_run_parse)
end

# Succeed where a subcommand's options belong, and none of the flags is there yet.
function __toolroll_proc_run_wants
    set -l part (__toolroll_proc_run_part); and test $part = $argv[1]; or return
    for flag in (string replace -rf '^flag ' '' -- (__toolroll_proc_run_parse))
        contains -- $flag $argv[2..]; and return 1
    end
    return 0
end

# Succeed where so many operands came before.
function __toolroll_proc_run_at
    test (count (__toolroll_proc_run_operands)) -eq $argv[1]
end

# Print the folders that the word, or what is behind its =, can become.
function __toolroll_proc_run_folders
    __fish_complete_directories (string replace -r '^--[^=]*=' '' -- (commandline -ct))
end

complete -c proc-run -f

# Print the words of the command that is run.
function __toolroll_proc_run_command
    __toolroll_proc_run_operands
end

# Complete the command that is run as it completes alone.
function __toolroll_proc_run_handover
    complete -C (string join ' ' -- (string escape -- (__toolroll_proc_run_command)) (commandline -ct))
end

complete -c proc-run -n 'true' -x -a '(__toolroll_proc_run_handover)'
complete -c proc-run -n '__toolroll_proc_run_wants itself -h --help; and test (count (__toolroll_proc_run_command)) -eq 0' -s h -l help -d 'show this help message and exit'
complete -c proc-run -n '__toolroll_proc_run_wants itself --log-json; and test (count (__toolroll_proc_run_command)) -eq 0' -l log-json -d 'append one JSON record per action to FILE, - for stderr' -r -F
complete -c proc-run -n '__toolroll_proc_run_wants itself --version; and test (count (__toolroll_proc_run_command)) -eq 0' -l version -d 'show the version and exit'
complete -c proc-run -n '__toolroll_proc_run_wants itself -t --timeout; and test (count (__toolroll_proc_run_command)) -eq 0' -s t -l timeout -d 'end CMD after that time' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself --idle-timeout; and test (count (__toolroll_proc_run_command)) -eq 0' -l idle-timeout -d 'end CMD when it has written nothing for that time' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself -s --signal; and test (count (__toolroll_proc_run_command)) -eq 0' -s s -l signal -d 'what it is sent then, by name or number' -r -f -a 'HUP INT QUIT KILL USR1 USR2 TERM CONT STOP'
complete -c proc-run -n '__toolroll_proc_run_wants itself -k --kill-after; and test (count (__toolroll_proc_run_command)) -eq 0' -s k -l kill-after -d 'send KILL if it goes on for so long' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself -p --preserve-status; and test (count (__toolroll_proc_run_command)) -eq 0' -s p -l preserve-status -d 'return CMD\'s own code after a timeout, too'
complete -c proc-run -n '__toolroll_proc_run_wants itself --max-output; and test (count (__toolroll_proc_run_command)) -eq 0' -l max-output -d 'pass on so much output in all' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself -f --foreground --pty; and test (count (__toolroll_proc_run_command)) -eq 0' -s f -l foreground -d 'leave CMD in proc-run\'s process group'
complete -c proc-run -n '__toolroll_proc_run_wants itself --pty -f --foreground; and test (count (__toolroll_proc_run_command)) -eq 0' -l pty -d 'give CMD a terminal of its own, for all three streams'
complete -c proc-run -n '__toolroll_proc_run_wants itself --grace; and test (count (__toolroll_proc_run_command)) -eq 0' -l grace -d 'how long what outlives CMD may go on, and its output is read' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself --keep-descendants; and test (count (__toolroll_proc_run_command)) -eq 0' -l keep-descendants -d 'spare and report what outlives CMD or left its process group'
complete -c proc-run -n '__toolroll_proc_run_wants itself --json; and test (count (__toolroll_proc_run_command)) -eq 0' -l json -d 'print one JSON document'
complete -c proc-run -n '__toolroll_proc_run_wants itself --json-file; and test (count (__toolroll_proc_run_command)) -eq 0' -l json-file -d 'write it to PATH instead' -r -F
complete -c proc-run -n '__toolroll_proc_run_wants itself --tail-bytes; and test (count (__toolroll_proc_run_command)) -eq 0' -l tail-bytes -d 'how much of each stream\'s end it has' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself; and test (count (__toolroll_proc_run_command)) -eq 0' -l redact -d 'hide what fits REGEX in the report and in messages' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself; and test (count (__toolroll_proc_run_command)) -eq 0' -l secret-env -d 'hide the value of CMD\'s environment variable NAME there' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself --quiet-on-success; and test (count (__toolroll_proc_run_command)) -eq 0' -l quiet-on-success -d 'hold all output back, and print it only if CMD fails'
complete -c proc-run -n '__toolroll_proc_run_wants itself --retries; and test (count (__toolroll_proc_run_command)) -eq 0' -l retries -d 'run CMD again if it fails, N times at most' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself --backoff; and test (count (__toolroll_proc_run_command)) -eq 0' -l backoff -d 'the longest wait before the first retry, doubled for each further one up to 5 minutes' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself --lock; and test (count (__toolroll_proc_run_command)) -eq 0' -l lock -d 'do not run CMD while another run has locked FILE' -r -F
complete -c proc-run -n '__toolroll_proc_run_wants itself --lock-wait; and test (count (__toolroll_proc_run_command)) -eq 0' -l lock-wait -d 'how long to wait for that, inf for ever' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself --lock-code; and test (count (__toolroll_proc_run_command)) -eq 0' -l lock-code -d 'the exit code if another run has it' -x
complete -c proc-run -n '__toolroll_proc_run_wants itself; and test (count (__toolroll_proc_run_command)) -eq 0' -l env-file -d 'set the variables of FILE for CMD' -r -F
complete -c proc-run -n '__toolroll_proc_run_wants itself --cwd; and test (count (__toolroll_proc_run_command)) -eq 0' -l cwd -d 'run CMD in DIR' -r -f -a '(__toolroll_proc_run_folders)'
complete -c proc-run -n '__toolroll_proc_run_wants itself --nice; and test (count (__toolroll_proc_run_command)) -eq 0' -l nice -d 'add N to its niceness' -x
