#!/usr/bin/env bash
# Generates clients from docs/openapi.json by openapi-typescript, openapi-python-client and
# oapi-codegen, and runs a program with each against the service. It installs the generators
# where they are missing; what they generate is in a temporary folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
clients=$PWD
document=$PWD/../../docs/openapi.json
work=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" || true
  fi
  rm -rf "$work"
}
trap finish EXIT

(cd ../.. && CGO_ENABLED=0 go build -trimpath -o "$work/signalbox" ./bootstrap/cmd/signalbox)
mkdir "$work/service"
cd "$work/service"
# The service has these settings, and none of the caller's environment.
settings=(env -i "DATABASE_URL=sqlite://$work/service/clients.db" SERVICE_PORT=0)
"${settings[@]}" "$work/signalbox" migrate up >/dev/null
SIGNALBOX_KEY=$("${settings[@]}" "$work/signalbox" key create --name clients --role admin 2>/dev/null)
"${settings[@]}" "$work/signalbox" serve >log 2>&1 &
server=$!
port=
for _ in $(seq 200); do
  port=$(sed -n 's/.*"msg":"ready".*"address":"[^"]*:\([0-9]*\)".*/\1/p' log)
  [ -z "$port" ] || break
  sleep 0.1
done
[ -n "$port" ] || { cat log; exit 1; }
export SIGNALBOX_KEY SIGNALBOX_URL=http://127.0.0.1:$port

(
  mkdir -p "$work/go/api"
  cp "$clients"/go/{go.mod,go.sum,main.go} "$work/go"
  cd "$work/go"
  go tool oapi-codegen -package api -generate types,client -o api/api.go "$document"
  go mod tidy -diff
  go vet ./...
  go run .
)
(
  cd "$clients/python"
  [ -x .venv/bin/pip ] || python3 -m venv .venv
  .venv/bin/pip install -q --disable-pip-version-check -r requirements.txt
  .venv/bin/openapi-python-client generate --config config.yaml --path "$document" \
    --output-path "$work/python" --fail-on-warning >"$work/generated" || { cat "$work/generated"; exit 1; }
  # httpx would send requests to loopback through a proxy of the environment.
  no_proxy=127.0.0.1 PYTHONPATH=$work/python PYTHONDONTWRITEBYTECODE=1 .venv/bin/python client.py
)
(
  cd "$clients/typescript"
  npm ci --silent --no-audit --no-fund
  mkdir -p "$work/typescript/generated"
  cp client.ts package.json tsconfig.json "$work/typescript"
  ln -s "$PWD/node_modules" "$work/typescript/node_modules"
  cd "$work/typescript"
  node_modules/.bin/openapi-typescript "$document" -o generated/api.d.ts >/dev/null
  node_modules/.bin/tsc -p .
  node generated/out/client.js
)

kill "$server"
stopped=0
wait "$server" || stopped=$?
[ "$stopped" = 0 ] || { echo "the service stopped with $stopped"; cat "$work/service/log"; exit 1; }
server=
