# SPDX-License-Identifier: MIT
# Completion of dartboard for bash. Commands and options come from the program's own help.

_dartboard_words() { # first words of the lines below a heading of --help
    "${COMP_WORDS[0]}" "$@" --help 2>/dev/null
}

_dartboard_commands() {
    _dartboard_words | sed -n '/^commands:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p'
}

_dartboard_options() {
    if [ "$1" = show ]; then
        echo "--epoch --cell --width --height --form --filter --csv --roles --glyphs --color --dir"
    else
        _dartboard_words "$1" | sed -n 's/^  \(-[a-z],\|   \) \(--[a-z-]*\).*/\2/p'
    fi
}

_dartboard_runs() {
    local dir=runs i
    for ((i = 1; i < ${#COMP_WORDS[@]} - 1; i++)); do
        [ "${COMP_WORDS[i]}" = --dir ] && dir=${COMP_WORDS[i + 1]}
    done
    for i in "$dir"/*/; do
        [ -e "$i/journal.jsonl" ] && basename "$i"
    done
}

_dartboard_spaces() {
    local share=${DARTBOARD_SHARE:-/usr/local/share/dartboard} file
    for file in spaces/*.lua "$share"/spaces/*.lua; do
        [ -e "$file" ] && basename "$file" .lua
    done
}

_dartboard_settings() {
    "${COMP_WORDS[0]}" run --help-settings 2>/dev/null | sed -n 's/^\([a-z][a-z0-9_.]*\): .*/\1=/p'
}

_dartboard() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words= files=
    local command=${COMP_WORDS[1]}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$(_dartboard_commands) --help --version"
    else
        case $prev in
        --glyphs) words="braille block ascii auto" ;;
        --color) words="auto always never" ;;
        --theme) words="dark light" ;;
        --strategy) words="$("${COMP_WORDS[0]}" run --help-strategies 2>/dev/null |
            sed -n 's/^\([a-z][a-z0-9-]*\).*/\1/p')" ;;
        --set)
            words=$(_dartboard_settings)
            compopt -o nospace 2>/dev/null
            ;;
        --resume) words=$(_dartboard_runs) ;;
        --space) words=$(_dartboard_spaces) ;;
        -c | --config | --play | --hessians | --dir) files=1 ;;
        *)
            case $cur in
            -*) words=$(_dartboard_options "$command") ;;
            *)
                files=1
                case $command in
                run | check) words=$(_dartboard_spaces) ;;
                show)
                    if [ "$COMP_CWORD" -eq 2 ]; then
                        words="overview runs alpha cell health pareto trials space log help"
                        files=
                    else
                        words=$(_dartboard_runs)
                    fi
                    ;;
                *) words=$(_dartboard_runs) ;;
                esac
                ;;
            esac
            ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    if [ -n "$files" ]; then
        local more
        mapfile -t more < <(compgen -f -- "$cur")
        COMPREPLY+=("${more[@]}")
        compopt -o filenames 2>/dev/null
    fi
}

complete -F _dartboard dartboard
