#!/bin/sh
# Holds the code to the arrows of the Makefile. Arguments: module:reachable,modules
# Every #include "src/X/..." or "ui/X/..." must name a reachable module, and each third-party
# header may appear in its one directory only.
bad=0
say() { echo "layers: $*"; bad=1; }
for entry in "$@"; do
    module=${entry%%:*}
    reach=",${entry#*:},"
    dir=src/$module
    case $module in term | draw | view | edit | app) dir=ui/$module ;; esac
    [ -d "$dir" ] || continue
    for used in $(grep -rhoE '#include "(src|ui)/[a-z]+/' "$dir" | sed -E 's|.*"(src/ui/)?||; s|/$||' | sort -u); do
        name=${used#*/}
        case $used in ui/*)
            case $dir in src/*) say "$dir includes $used (nothing in src but main.c may)" ;; esac ;;
        esac
        case $reach in *",$name,"*) ;; *) say "$dir includes $used, which it may not reach" ;; esac
    done
done
only() { # header-pattern directory...
    pattern=$1
    shift
    for file in $(grep -rlE "#include <($pattern)>" src ui); do
        ok=0
        for dir in "$@"; do case $file in "$dir"/*) ok=1 ;; esac done
        [ $ok = 1 ] || say "$file includes <$pattern>, which belongs in $*"
    done
}
only 'curses.h|ncurses.h|term.h|ncursesw/.*' ui/term
only 'yaml.h' src/conf
only 'lua.h|lauxlib.h|lualib.h' src/script
only 'cblas.h' src/kernel
only 'json-c/.*' src/base
only 'zlib.h|archive.h|archive_entry.h' src/base
only 'png.h|turbojpeg.h' src/data
only 'sqlite3.h' src/study
only 'protobuf-c/.*' src/proto
for file in src/*.c; do
    [ "$file" = src/main.c ] || say "$file: only main.c lives in src itself"
done
[ $bad = 0 ] && echo "layers: arrows hold"
exit $bad
