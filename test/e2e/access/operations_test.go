package access_test

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

const (
	reads  = "AOESR-"
	edits  = "AOE"
	admins = "A"
)

// operations returns what is expected of each operation of the document, by its id.
func operations() map[string]operation {
	all := map[string]operation{}
	for _, part := range []map[string]operation{
		configurations(), flags(), evaluations(), registrations(), discoveries(), feeds(), keys(), issuers(), bindings(), audits(), encryptions(), services(),
	} {
		maps.Copy(all, part)
	}
	return all
}

func configurations() map[string]operation {
	on := func(method, suffix string, body any) func(*testing.T, *world, string) call {
		return func(t *testing.T, w *world, in string) call {
			t.Helper()
			path, _ := w.configuration(t, in)
			return call{method: method, path: path + suffix, body: body}
		}
	}
	return map[string]operation{
		"list-configurations": {reads, filtered, func(t *testing.T, w *world, in string) call {
			t.Helper()
			w.configuration(t, in)
			return call{method: http.MethodGet, path: configPath + "?limit=1000"}
		}},
		"create-configuration": {edits, refused, func(_ *testing.T, w *world, in string) call {
			return call{method: http.MethodPost, path: configPath, body: e2etest.Object{
				"key": w.unique(in), "value": "v", "environment": in, "service_name": "shop",
			}}
		}},
		"read-configuration": {reads, absent, func(t *testing.T, w *world, in string) call {
			t.Helper()
			_, key := w.configuration(t, in)
			return call{method: http.MethodGet, path: configPath + key + "?service_name=shop&environment=" + in}
		}},
		"update-configuration":       {edits, absent, on(http.MethodPut, "", e2etest.Object{"value": "w"})},
		"delete-configuration":       {edits, absent, on(http.MethodDelete, "", nil)},
		"list-configuration-history": {reads, absent, on(http.MethodGet, "/history", nil)},
		"roll-back-configuration":    {edits, absent, on(http.MethodPost, "/rollback", e2etest.Object{"version": 1})},
	}
}

func flags() map[string]operation {
	on := func(method, suffix string, body any) func(*testing.T, *world, string) call {
		return func(t *testing.T, w *world, in string) call {
			t.Helper()
			path, _ := w.flag(t, in)
			return call{method: method, path: path + suffix, body: body}
		}
	}
	return map[string]operation{
		"list-flags": {reads, filtered, func(t *testing.T, w *world, in string) call {
			t.Helper()
			w.flag(t, in)
			return call{method: http.MethodGet, path: flagsPath + "?limit=1000"}
		}},
		"create-flag": {edits, refused, func(_ *testing.T, w *world, in string) call {
			return call{method: http.MethodPost, path: flagsPath, body: e2etest.Object{"name": w.unique(in), "environment": in}}
		}},
		"read-flag": {reads, absent, func(t *testing.T, w *world, in string) call {
			t.Helper()
			_, name := w.flag(t, in)
			return call{method: http.MethodGet, path: flagsPath + name + "?environment=" + in}
		}},
		"update-flag":       {edits, absent, on(http.MethodPut, "", e2etest.Object{"description": "third"})},
		"delete-flag":       {edits, absent, on(http.MethodDelete, "", nil)},
		"list-flag-history": {reads, absent, on(http.MethodGet, "/history", nil)},
		"roll-back-flag":    {edits, absent, on(http.MethodPost, "/rollback", e2etest.Object{"version": 1})},
		"preview-flag":      {reads, absent, on(http.MethodPost, "/preview", e2etest.Object{"rollout_percentage": 60})},
	}
}

func evaluations() map[string]operation {
	post := func(path string, body func(name, in string) e2etest.Object) func(*testing.T, *world, string) call {
		return func(t *testing.T, w *world, in string) call {
			t.Helper()
			_, name := w.flag(t, in)
			return call{method: http.MethodPost, path: path, body: body(name, in)}
		}
	}
	one := func(name, in string) e2etest.Object {
		return e2etest.Object{"flag_name": name, "environment": in, "user_id": "u"}
	}
	context := e2etest.Object{"context": e2etest.Object{"targetingKey": "u"}}
	return map[string]operation{
		"evaluate-flag": {reads + "V", refused, post(flagsPath+"evaluate", one)},
		"evaluate-flags": {reads + "V", refused, post(flagsPath+"evaluate/batch", func(name, in string) e2etest.Object {
			return e2etest.Object{"flag_names": []string{name}, "environment": in, "user_id": "u"}
		})},
		"explain-flag": {reads, absent, post(flagsPath+"explain", one)},
		"ofrep-evaluate-flag": {reads + "V", refused, func(t *testing.T, w *world, in string) call {
			t.Helper()
			_, name := w.flag(t, in)
			return call{
				method: http.MethodPost, path: "/ofrep/v1/evaluate/flags/" + name, body: context,
				headers: []e2etest.Header{e2etest.With("X-Environment", in)},
			}
		}},
		"ofrep-evaluate-flags": {reads + "V", refused, func(_ *testing.T, _ *world, in string) call {
			return call{
				method: http.MethodPost, path: "/ofrep/v1/evaluate/flags", body: context,
				headers: []e2etest.Header{e2etest.With("X-Environment", in)},
			}
		}},
		// The pass of the path has the rights, not the key.
		"ofrep-stream": {reads + "V", open, func(t *testing.T, w *world, in string) call {
			t.Helper()
			return call{method: http.MethodHead, path: pass(t, w, in)}
		}},
	}
}

func registrations() map[string]operation {
	const registers = "AOS"
	on := func(
		method string, path func(service string) string, body func(service string, epoch int64) any,
	) func(*testing.T, *world, string) call {
		return func(t *testing.T, w *world, in string) call {
			t.Helper()
			service, epoch := w.instance(t, in)
			return call{method: method, path: path(service), body: body(service, epoch)}
		}
	}
	none := func(string, int64) any { return nil }
	at := func(suffix string) func(string) string {
		return func(service string) string { return e2etest.RegistryPath + service + suffix }
	}
	only := func(suffix string) func(string) string {
		return func(string) string { return e2etest.RegistryPath + suffix }
	}
	return map[string]operation{
		"register-service": {registers, refused, func(_ *testing.T, w *world, in string) call {
			return call{method: http.MethodPost, path: e2etest.RegistryPath + "register", body: e2etest.Object{
				"service_name": w.unique(in), "instance_id": "i", "service_url": "http://10.0.0.1", "environment": in,
			}}
		}},
		"report-health": {registers, absent, on(http.MethodPut, only("health"), func(service string, _ int64) any {
			return e2etest.Object{"service_name": service, "instance_id": "i", "status": "healthy"}
		})},
		"renew-lease": {registers, absent, on(http.MethodPut, at("/instances/i/heartbeat"), func(_ string, epoch int64) any {
			return e2etest.Object{"lease_epoch": epoch}
		})},
		// Its results have the statuses: see TestBatchOfHeartbeats.
		"renew-leases": {registers, open, on(http.MethodPost, only("heartbeats"), func(service string, epoch int64) any {
			return leases(service, epoch)
		})},
		"amend-instance": {registers, absent, on(http.MethodPatch, at("/instances/i"), func(string, int64) any {
			return e2etest.Object{"weight": 5}
		})},
		"deregister-instance": {registers, absent, on(http.MethodDelete, at("/instances/i"), none)},
		"deregister-service":  {registers, absent, on(http.MethodDelete, at(""), none)},
		"read-service":        {reads, absent, on(http.MethodGet, at(""), none)},
		"read-health-history": {reads, absent, on(http.MethodGet, at("/health-history"), none)},
		"list-services":       {reads, filtered, on(http.MethodGet, only("?limit=1000"), none)},
		"list-healthy-services": {
			reads, filtered, on(http.MethodGet, only("healthy"), none),
		},
	}
}

func discoveries() map[string]operation {
	return map[string]operation{
		"discover": {reads, absent, func(t *testing.T, w *world, in string) call {
			t.Helper()
			service, _ := w.instance(t, in)
			return call{method: http.MethodGet, path: "/api/v1/discovery/" + service + "?environment=" + in}
		}},
		"prometheus-targets": {reads, filtered, func(t *testing.T, w *world, in string) call {
			t.Helper()
			w.instance(t, in)
			return call{method: http.MethodGet, path: "/prometheus/sd"}
		}},
	}
}

func feeds() map[string]operation {
	return map[string]operation{
		"watch-changes": {reads, filtered, func(t *testing.T, w *world, in string) call {
			t.Helper()
			path, _ := w.configuration(t, in)
			w.flag(t, in)
			w.instance(t, in)
			w.admin.Delete(t, path).Want(t, http.StatusNoContent)
			return call{method: http.MethodGet, path: "/api/v1/changes?since=0&limit=1000"}
		}},
		// Its contents are those of watch-changes: see TestStreamContents.
		"stream-changes": {reads, open, func(*testing.T, *world, string) call {
			return call{method: http.MethodHead, path: "/api/v1/changes/stream?since=0"}
		}},
	}
}

func keys() map[string]operation {
	on := func(method, suffix string, body any) func(*testing.T, *world, string) call {
		return func(t *testing.T, w *world, in string) call {
			t.Helper()
			return call{method: method, path: keysPath + w.dayKey(t, in) + suffix, body: body}
		}
	}
	return map[string]operation{
		"list-api-keys": {admins, filtered, func(t *testing.T, w *world, in string) call {
			t.Helper()
			w.key(t, e2etest.Object{"role": "reader", "environments": []string{in}})
			return call{method: http.MethodGet, path: keysPath + "?limit=1000"}
		}},
		"create-api-key": {admins, refused, func(_ *testing.T, w *world, in string) call {
			return call{method: http.MethodPost, path: keysPath, body: e2etest.Object{
				"name": w.unique(in), "grants": []e2etest.Object{{"role": "reader", "environments": []string{in}}},
			}}
		}},
		"read-api-key":   {admins, absent, on(http.MethodGet, "", nil)},
		"update-api-key": {admins, absent, on(http.MethodPatch, "", e2etest.Object{"name": "renamed"})},
		"revoke-api-key": {admins, absent, on(http.MethodDelete, "", nil)},
		"rotate-api-key": {admins, absent, on(http.MethodPost, "/rotate", e2etest.Object{"overlap_seconds": 60})},
		"check-access": {reads + "V", open, func(_ *testing.T, _ *world, in string) call {
			return call{method: http.MethodPost, path: "/api/v1/access/check", body: e2etest.Object{
				"action": "configuration.read", "resource": e2etest.Object{"environment": in},
			}}
		}},
	}
}

// issuers can be changed by an admin of everything alone, which the roles of the matrix are not.
func issuers() map[string]operation {
	on := func(method string, body any) func(*testing.T, *world, string) call {
		return func(t *testing.T, w *world, _ string) call {
			t.Helper()
			return call{method: method, path: issuersPath + w.issuer(t), body: body}
		}
	}
	return map[string]operation{
		"list-issuers": {admins, open, func(*testing.T, *world, string) call {
			return call{method: http.MethodGet, path: issuersPath}
		}},
		"read-issuer": {admins, open, on(http.MethodGet, nil)},
		"create-issuer": {"", open, func(_ *testing.T, w *world, _ string) call {
			return call{method: http.MethodPost, path: issuersPath, body: e2etest.Object{
				"name": w.unique("issuer"), "issuer": "https://" + w.unique("issuer") + ".example.com", "audiences": []string{"a"},
			}}
		}},
		"update-issuer": {"", open, on(http.MethodPatch, e2etest.Object{"direct": true})},
		"delete-issuer": {"", open, on(http.MethodDelete, nil)},
	}
}

func bindings() map[string]operation {
	on := func(method string, body any) func(*testing.T, *world, string) call {
		return func(t *testing.T, w *world, in string) call {
			t.Helper()
			return call{method: method, path: bindingsPath + w.bound(t, w.oneIssuer(t), "a", in), body: body}
		}
	}
	return map[string]operation{
		"list-bindings": {admins, filtered, func(t *testing.T, w *world, in string) call {
			t.Helper()
			w.bound(t, w.oneIssuer(t), "a", in)
			return call{method: http.MethodGet, path: bindingsPath}
		}},
		"create-binding": {admins, refused, func(t *testing.T, w *world, in string) call {
			t.Helper()
			return call{method: http.MethodPost, path: bindingsPath, body: e2etest.Object{
				"name": w.unique("binding"), "issuer_id": w.oneIssuer(t), "subjects": []string{"a"},
				"grants": []e2etest.Object{{"role": "reader", "environments": []string{in}}},
			}}
		}},
		"read-binding":   {admins, absent, on(http.MethodGet, nil)},
		"update-binding": {admins, absent, on(http.MethodPatch, e2etest.Object{"ttl_seconds": 60})},
		"delete-binding": {admins, absent, on(http.MethodDelete, nil)},
		// Its token has the rights, not the key: see TestLogin.
		"login-with-token": {reads + "V", open, func(t *testing.T, w *world, in string) call {
			t.Helper()
			p := fixture.NewParty(t)
			w.trusted(t, p.URL, false, "repo:*", in)
			token := fixture.SignedToken(t, "ES256", "ec", fixture.KeysOfParties().EC, p.Claims(time.Now(), nil))
			return call{method: http.MethodPost, path: loginPath, body: e2etest.Object{"token": token}}
		}},
	}
}

func audits() map[string]operation {
	get := func(path string) func(*testing.T, *world, string) call {
		return func(*testing.T, *world, string) call {
			return call{method: http.MethodGet, path: "/api/v1/audit/" + path}
		}
	}
	return map[string]operation{
		// Its contents are those of the scope: see TestAuditOfScopedAdmins.
		"list-audit-entries": {admins, open, get("")},
		// They are about all of the log.
		"verify-audit-log": {"", open, get("verify")},
		"read-audit-head":  {"", open, get("head")},
	}
}

// encryptions are about all values: an admin of one environment is not allowed them.
func encryptions() map[string]operation {
	return map[string]operation{
		"read-encryption-status": {"", open, func(*testing.T, *world, string) call {
			return call{method: http.MethodGet, path: "/api/v1/encryption/status"}
		}},
		"rotate-encryption": {"", open, func(*testing.T, *world, string) call {
			return call{method: http.MethodPost, path: "/api/v1/encryption/rotate", body: e2etest.Object{}}
		}},
	}
}

func services() map[string]operation {
	rows := map[string]operation{}
	for id, path := range map[string]string{"index": "/", "health": "/health", "livez": "/livez", "readyz": "/readyz"} {
		rows[id] = operation{reads + "V", open, func(*testing.T, *world, string) call {
			return call{method: http.MethodGet, path: path}
		}}
	}
	return rows
}
