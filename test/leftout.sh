#!/bin/sh
# Prints in one line the skipped tests of a run, and how to enable them. $1: the events
# of `go test -json`. Tests skip with "left out, ...".
left=$(grep -o 'left out, [^"\\]*' "$1" | sort | uniq -c | sed 's/^ *\([0-9]*\) /\1 × /' | paste -sd ';' -)
if [ -n "$left" ]; then echo "left out: $left"; else echo "left out: nothing"; fi
