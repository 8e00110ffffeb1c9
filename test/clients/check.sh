#!/usr/bin/env bash
# Generates clients from docs/openapi.json by openapi-typescript, openapi-python-client and
# oapi-codegen, and runs a program with each against the service. It installs the generators
# where they are missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
document=$PWD/../../docs/openapi.json
work=$(mktemp -d)
trap 'kill "$(cat "$work/pid" 2>/dev/null)" 2>/dev/null || true; rm -rf "$work"' EXIT

(cd ../.. && CGO_ENABLED=0 go build -trimpath -o "$work/signalbox" ./bootstrap/cmd/signalbox)
cd "$work"
export DATABASE_URL=sqlite://$work/clients.db SERVICE_PORT=0
./signalbox migrate up >/dev/null
SIGNALBOX_KEY=$(./signalbox key create --name clients --role admin 2>/dev/null)
./signalbox serve >log 2>&1 &
echo $! >pid
port=
for _ in $(seq 200); do
  port=$(sed -n 's/.*"msg":"ready".*"address":"[^"]*:\([0-9]*\)".*/\1/p' log)
  [ -z "$port" ] || break
  sleep 0.1
done
[ -n "$port" ] || { cat log; exit 1; }
export SIGNALBOX_KEY SIGNALBOX_URL=http://127.0.0.1:$port
cd - >/dev/null

(
  cd go
  mkdir -p api
  go tool oapi-codegen -package api -generate types,client -o api/api.go "$document"
  go vet ./...
  go run .
)
(
  cd python
  [ -x .venv/bin/pip ] || python3 -m venv .venv
  .venv/bin/pip install -q --disable-pip-version-check -r requirements.txt
  .venv/bin/openapi-python-client generate --config config.yaml --path "$document" --output-path generated --overwrite --fail-on-warning
  PYTHONPATH=generated .venv/bin/python client.py
)
(
  cd typescript
  npm ci --silent --no-audit --no-fund
  mkdir -p generated
  node_modules/.bin/openapi-typescript "$document" -o generated/api.d.ts >/dev/null
  node_modules/.bin/tsc -p .
  node generated/out/client.js
)
