#!/usr/bin/env bash
# Validates docs/openapi.json by redocly, spectral, openapi-spec-validator and kin-openapi.
# It installs them where they are missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
npm ci --silent --no-audit --no-fund
[ -x .venv/bin/openapi-spec-validator ] || python3 -m venv .venv
.venv/bin/pip install -q --disable-pip-version-check -r requirements.txt
node_modules/.bin/redocly lint --config redocly.yaml ../../docs/openapi.json
node_modules/.bin/spectral lint --fail-severity=warn ../../docs/openapi.json
.venv/bin/openapi-spec-validator ../../docs/openapi.json
go test -count=1 ./...
