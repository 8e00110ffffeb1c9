#!/usr/bin/env bash
# Fuzzes the service for 90 seconds (SCHEMATHESIS_SECONDS) with requests that Schemathesis
# generates from docs/openapi.json: two thirds of them with an admin key, the rest with that
# of a reader. The same seed (SCHEMATHESIS_SEED, 1) generates the same requests, so that a
# failure is of the change at hand. It installs Schemathesis where it is missing, and fails if
# it ran no case.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
here=$PWD
seconds=${SCHEMATHESIS_SECONDS:-90}
seed=${SCHEMATHESIS_SEED:-1}
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

[ -x .venv/bin/pip ] || python3 -m venv .venv
.venv/bin/pip install -q --disable-pip-version-check -r requirements.txt
(cd ../.. && CGO_ENABLED=0 go build -trimpath -o "$work/signalbox" ./bootstrap/cmd/signalbox)

cd "$work"
# The service has these settings, and none of the caller's environment.
settings=(env -i "DATABASE_URL=sqlite://$work/fuzz.db" SERVICE_PORT=0 RATE_LIMIT_FAILED_AUTH_PER_MINUTE=0
  ENABLE_ENCRYPTION=true "ENCRYPTION_KEY=$(./signalbox keygen)")
"${settings[@]}" ./signalbox migrate up >/dev/null
admin=$("${settings[@]}" ./signalbox key create --name fuzz --role admin 2>/dev/null)
"${settings[@]}" ./signalbox serve >log 2>&1 &
server=$!
port=
for _ in $(seq 200); do
  port=$(sed -n 's/.*"msg":"ready".*"address":"[^"]*:\([0-9]*\)".*/\1/p' log)
  [ -z "$port" ] || break
  sleep 0.1
done
[ -n "$port" ] || { cat log; exit 1; }
url=http://127.0.0.1:$port
# requests would send requests to loopback through a proxy of the environment.
export no_proxy=127.0.0.1 PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=hooks

# fuzz NAME KEY SECONDS runs Schemathesis with a key, and requires that it tried every
# operation and that the key is still valid.
fuzz() {
  OWN_KEY_ID=$(cut -d_ -f2 <<<"$2") "$here/.venv/bin/st" --config-file "$here/schemathesis.toml" run \
    "$here/../../docs/openapi.json" --url "$url" --header "X-API-Key: $2" --max-time "$3" --seed "$seed" --no-color \
    --continue-on-failure --report json --report-json-path "$work/$1.json" >"$work/$1.txt" 2>&1 || {
    cat "$work/$1.txt"
    return 1
  }
  python3 "$here/ran.py" "$1" "$work/$1.json" "$here/../../docs/openapi.json"
  curl -sf -o /dev/null -H "X-API-Key: $2" "$url/api/v1/config/?limit=1" || {
    echo "$1: the key was lost in the run"
    return 1
  }
}
fuzz admin "$admin" $((seconds * 2 / 3))
# Made now: the requests before may have revoked any other key.
reader=$("${settings[@]}" ./signalbox key create --name reader --role reader 2>/dev/null)
fuzz reader "$reader" $((seconds / 3))
if grep -q '"msg":"request handler panicked"' log; then
  grep '"msg":"request handler panicked"' log
  exit 1
fi
