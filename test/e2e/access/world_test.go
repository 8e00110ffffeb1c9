package access_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// The environments of the keys under test, and one in which they are allowed nothing.
const (
	own     = "production"
	foreign = "staging"
)

const (
	keysPath   = "/api/v1/access/keys/"
	flagsPath  = "/api/v1/feature-flags/"
	configPath = "/api/v1/config/"
)

// world is a service with resources that an admin makes as they are needed.
type world struct {
	admin e2etest.Client
	next  atomic.Int64
	// issuerID is the issuer of all bindings.
	issuerID string
}

func newWorld(t *testing.T, databaseURL string, environ ...string) *world {
	t.Helper()
	return &world{admin: e2etest.Boot(t, databaseURL, environ...).Admin(t)}
}

// unique returns a name that no other resource has, which tells where the resource is.
func (w *world) unique(in string) string { return fmt.Sprintf("%s-%d", in, w.next.Add(1)) }

// key makes a key and returns a client with it, and the id.
func (w *world) key(t *testing.T, grants ...e2etest.Object) (e2etest.Client, string) {
	t.Helper()
	made := e2etest.Decode[struct{ ID, Key string }](t,
		w.admin.Post(t, keysPath, e2etest.Object{"name": w.unique("key"), "grants": grants}).Want(t, http.StatusCreated))
	c := w.admin
	c.Key = made.Key
	return c, made.ID
}

// dayKey makes a reader's key that ends before those of key, which so may rotate it, and
// returns its id.
func (w *world) dayKey(t *testing.T, in string) string {
	t.Helper()
	made := w.admin.Post(t, keysPath, e2etest.Object{
		"name": w.unique("key"), "grants": []e2etest.Object{{"role": "reader", "environments": []string{in}}},
		"expires_at": time.Now().Add(24 * time.Hour).Format(time.RFC3339),
	}).Want(t, http.StatusCreated)
	return e2etest.Decode[struct{ ID string }](t, made).ID
}

func grant(role string, reveal bool) e2etest.Object {
	return e2etest.Object{"role": role, "reveal": reveal, "environments": []string{own}}
}

// configuration makes a configuration with two versions and returns its id and key.
func (w *world) configuration(t *testing.T, in string) (path, key string) {
	t.Helper()
	key = w.unique(in)
	made := e2etest.Decode[struct{ ID int64 }](t, w.admin.Post(t, configPath, e2etest.Object{
		"key": key, "value": "1", "environment": in, "service_name": "shop",
	}).Want(t, http.StatusCreated))
	path = fmt.Sprintf("%s%d", configPath, made.ID)
	w.admin.Put(t, path, e2etest.Object{"value": "2"}).Want(t, http.StatusOK)
	return path, key
}

// flag makes a flag with two versions and returns its path and name.
func (w *world) flag(t *testing.T, in string) (path, name string) {
	t.Helper()
	name = w.unique(in)
	made := e2etest.Decode[struct{ ID int64 }](t, w.admin.Post(t, flagsPath, e2etest.Object{
		"name": name, "environment": in, "is_enabled": true,
	}).Want(t, http.StatusCreated))
	path = fmt.Sprintf("%s%d", flagsPath, made.ID)
	w.admin.Put(t, path, e2etest.Object{"description": "second"}).Want(t, http.StatusOK)
	return path, name
}

// instance registers an instance of a service of its own and returns the name and the
// epoch of its lease.
func (w *world) instance(t *testing.T, in string) (service string, epoch int64) {
	t.Helper()
	service = w.unique(in)
	return service, *w.admin.RegisterInstance(t, service, "i", e2etest.Object{"environment": in, "ttl_seconds": 3600}).Epoch
}

// call is one request of an operation.
type call struct {
	method, path string
	body         any
	headers      []e2etest.Header
}

func (c call) by(t *testing.T, client e2etest.Client) e2etest.Response {
	t.Helper()
	return client.Do(t, c.method, c.path, c.body, c.headers...)
}

// kind is what a caller gets that is allowed an operation, where its resource is out of
// the caller's scope.
type kind int

const (
	// Absent resources are 404, as those that do not exist.
	absent kind = iota + 1
	// Refused operations name their scope themselves: 403.
	refused
	// Filtered operations succeed, and leave out what is out of scope.
	filtered
	// Open operations have no scope.
	open
)

// operation is a row of the matrix.
type operation struct {
	// roles are those that are allowed the operation, by their first letters: Admin,
	// Operator, Editor, Service, Reader, eValuator, and - for callers without a key where
	// these may read.
	roles string
	kind  kind
	// call makes a request on a new resource in an environment.
	call func(t *testing.T, w *world, in string) call
}

func letter(role string) string {
	return map[string]string{
		"admin": "A", "operator": "O", "editor": "E", "service": "S", "reader": "R", "evaluator": "V", "anonymous": "-",
	}[role]
}

func (o operation) allows(role string) bool { return strings.Contains(o.roles, letter(role)) }

// leases returns the body of a batch of heartbeats.
func leases(service string, epoch int64) e2etest.Object {
	return e2etest.Object{"heartbeats": []e2etest.Object{
		{"service_name": service, "instance_id": "i", "lease_epoch": epoch},
	}}
}

// pass returns the path of the stream of a new bulk evaluation by the admin.
func pass(t *testing.T, w *world, in string) string {
	t.Helper()
	a := w.admin.Post(t, "/ofrep/v1/evaluate/flags", e2etest.Object{"context": e2etest.Object{"targetingKey": "u"}},
		e2etest.With("X-Environment", in)).Want(t, http.StatusOK)
	streams, _ := e2etest.Decode[e2etest.Object](t, a)["eventStreams"].([]any)
	require.Len(t, streams, 1)
	endpoint, _ := streams[0].(e2etest.Object)["endpoint"].(e2etest.Object)
	return endpoint["requestUri"].(string)
}
