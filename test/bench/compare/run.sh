#!/usr/bin/env bash
# Builds Signalbox and the comparison, installs Unleash from npm, and measures. Arguments
# are those of the comparison, such as -rounds 5. Without TEST_POSTGRES_URL (a server on
# which databases may be created) Unleash is left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
(cd ../../.. && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$programs/signalbox" ./bootstrap/cmd/signalbox)
go build -o "$programs/compare" .
node=
if [ -n "${TEST_POSTGRES_URL:-}" ]; then
  npm --prefix unleash ci --silent --no-audit --no-fund
  node=$PWD/unleash/node_modules/.bin/node
else
  echo "Unleash is left out: TEST_POSTGRES_URL is not set" >&2
fi
"$programs/compare" -signalbox "$programs/signalbox" -node "$node" "$@"
