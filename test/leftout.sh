#!/bin/sh
# Says in one line what a test run left out, and how to have it. $1: the events
# of `go test -json`. Tests say so themselves, with "left out, ...".
left=$(grep -o 'left out, [^"\\]*' "$1" | sort | uniq -c | sed 's/^ *\([0-9]*\) /\1 × /' | paste -sd ';' -)
if [ -n "$left" ]; then echo "left out: $left"; else echo "left out: nothing"; fi
