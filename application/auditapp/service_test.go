package auditapp_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

type bundle struct {
	*auditapp.Service
	trail *fixture.Trail
	clock *fixture.Clock
}

func setup(t *testing.T, strict bool) bundle {
	t.Helper()
	b := bundle{trail: fixture.NewTrail(), clock: fixture.NewClock()}
	b.Service = auditapp.New(auditapp.Dependencies{
		Trail: b.trail, Modules: fixture.Modules(), Clock: b.clock, StrictReveals: strict,
	})
	return b
}

// all stores and seals what was noted and returns the log, oldest first.
func (b bundle) all(t *testing.T) []audit.Entry {
	t.Helper()
	require.NoError(t, b.Flush(t.Context(), true))
	for {
		n, err := b.Seal(t.Context())
		require.NoError(t, err)
		if n < auditapp.SealBatch {
			break
		}
	}
	list, err := b.trail.Range(t.Context(), 1, 100_000)
	require.NoError(t, err)
	entries := make([]audit.Entry, len(list))
	for i, one := range list {
		entries[i], err = audit.Parse(one.Canonical)
		require.NoError(t, err)
	}
	return entries
}

func change(revision int64, eventType, aggregate string, by scope.Actor) ports.Change {
	return ports.Change{
		Revision: revision, EventType: eventType, AggregateType: aggregate, AggregateID: 7, AggregateVersion: 2,
		Environment: "production", ServiceName: "shop", Actor: by, Source: "192.0.2.1", RequestID: "r",
		OccurredAt: fixture.Noon(), Data: []byte(`{"key":"db.url","is_encrypted":true,"n":7}`),
	}
}

func TestChangesAreAudited(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	ann := scope.Actor{KeyID: "AAAAAAAA", Name: "ann"}
	b.trail.Put(
		change(1, "configuration.updated", "configuration", ann),
		change(2, "service.health_changed", "service", ann),
		change(3, "instance.health_changed", "service", ann),
		change(4, "instance.deregistered", "service", scope.System()),
		change(5, "experiment.started", "experiment", scope.Actor{}),
	)
	entries := b.all(t)
	require.Len(t, entries, 2)
	assert.Equal(t, audit.Record{
		At: fixture.Noon(), Actor: ann, Source: "192.0.2.1", RequestID: "r", Action: "configuration.updated",
		Outcome: audit.Done, Count: 1, VersionBefore: 1, VersionAfter: 2,
		Resource: audit.Resource{
			Type: "configuration", ID: "7", Environment: "production", ServiceName: "shop", Name: "db.url",
		},
		Facts: map[string]string{"key": "db.url", "is_encrypted": "true", "n": "7"},
	}, entries[0].Record)
	assert.Equal(t, "experiment.started", entries[1].Action, "a change of a newer version is audited, too")
}

type origin string

func (o origin) Address() netip.Addr { return netip.MustParseAddr(string(o)) }

func caller(id, from string) access.Caller {
	c := access.Caller{From: origin(from)}
	if id != "" {
		c.Actor = scope.Actor{KeyID: id, Name: id}
	}
	return c
}

func TestDeniedRequestsAreAggregated(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	put := auditapp.Denial{
		By: caller("AAAAAAAA", "192.0.2.1"), Action: access.WriteFlag, Request: "PUT /flags/1", Code: "forbidden",
		Environment: "production", Name: "checkout",
	}
	for range 3 {
		b.Denied(put)
	}
	require.NoError(t, b.Flush(t.Context(), false))
	n, err := b.Seal(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n, "the minute has not ended")
	b.clock.Move(time.Minute)
	b.Denied(put)
	b.Denied(auditapp.Denial{By: caller("", "192.0.2.9"), Request: "GET /secret", Code: "api_key_invalid"})
	require.NoError(t, b.Flush(t.Context(), false))
	entries := b.all(t)
	require.Len(t, entries, 3)
	assert.Equal(t, audit.Record{
		At: fixture.Noon(), Actor: put.By.Actor, Source: "192.0.2.1", Action: "flag.write", Outcome: audit.Denied,
		Count: 3, Resource: audit.Resource{Type: "request", Environment: "production", Name: "PUT /flags/1"},
		Facts: map[string]string{"code": "forbidden", "name": "checkout"},
	}, entries[0].Record)
	assert.Equal(t, int64(1), entries[1].Count+entries[2].Count-1)
	for _, e := range entries[1:] {
		if e.Actor == (scope.Actor{}) {
			assert.Equal(t, "authenticate", e.Action)
			assert.Equal(t, "192.0.2.9", e.Source)
			assert.Zero(t, e.Resource, "what a caller without a key requests is not written to the log")
		}
	}
}

// TestFailedChangesAreAggregated notes changes that failed, apart from denied ones.
func TestFailedChangesAreAggregated(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	put := auditapp.Denial{
		By: caller("AAAAAAAA", "192.0.2.1"), Action: access.WriteFlag, Request: "PUT /flags/1", Code: "unavailable", Failed: true,
	}
	b.Denied(put)
	b.Denied(put)
	put.Failed, put.Code = false, "forbidden"
	b.Denied(put)
	counts := map[string]int64{}
	for _, e := range b.all(t) {
		assert.Equal(t, "flag.write", e.Action)
		counts[string(e.Outcome)] = e.Count
	}
	assert.Equal(t, map[string]int64{"failed": 2, "denied": 1}, counts)
}

// TestFloodIsBounded denies very many different requests.
func TestFloodIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	const flood = 50_000
	for n := range flood {
		b.Denied(auditapp.Denial{By: caller("AAAAAAAA", "192.0.2.1"), Request: fmt.Sprint("GET /", n)})
		b.Denied(auditapp.Denial{By: caller("", fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255))})
	}
	entries := b.all(t)
	assert.Less(t, len(entries), 1100)
	total := int64(0)
	for _, e := range entries {
		total += e.Count
	}
	assert.Equal(t, int64(2*flood), total, "each attempt is counted")
}

func reveal(b bundle, name string) error {
	return b.Revealed(caller("AAAAAAAA", "192.0.2.1"), access.Resource{Name: name}, 3)
}

func TestReveals(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	require.NoError(t, reveal(b, "a"))
	require.NoError(t, reveal(b, "a"))
	b.clock.Move(time.Second)
	require.NoError(t, reveal(b, "a"))
	entries := b.all(t)
	require.Len(t, entries, 2)
	assert.Equal(t, []int64{2, 1}, []int64{entries[0].Count, entries[1].Count})
	assert.Equal(t, "configuration.reveal", entries[0].Action)
	assert.Equal(t, int64(3), entries[0].VersionAfter)
}

// TestLoginsInPlaceOfKeys notes the whole subject of a token, of which the name of its caller
// has the beginning.
func TestLoginsInPlaceOfKeys(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	by := scope.Actor{KeyID: "~1234567", Name: "ci: repo"}
	subject := "repo:" + strings.Repeat("s", 400)
	b.LoggedIn(by, access.Login{BindingID: "b", IssuerID: "i", Subject: subject})
	entries := b.all(t)
	require.Len(t, entries, 1)
	assert.Equal(t, "login.succeeded", entries[0].Action)
	assert.Equal(t, by, entries[0].Actor)
	assert.Equal(t, by.KeyID, entries[0].Resource.ID)
	assert.Equal(t, map[string]string{"subject": subject, "issuer_id": "i", "binding_id": "b"}, entries[0].Facts)
}

// TestRevealsWithoutStore reveals while the store is away: until the buffer is full, or,
// where that is strict, for 30 seconds.
func TestRevealsWithoutStore(t *testing.T) {
	t.Parallel()
	buffered, strict := setup(t, false), setup(t, true)
	for _, b := range []bundle{buffered, strict} {
		b.trail.Fail(true)
		require.NoError(t, reveal(b, "first"))
		require.ErrorIs(t, b.Flush(t.Context(), true), fault.ErrUnavailable)
		b.clock.Move(auditapp.MaxUnstored - time.Second)
		require.NoError(t, reveal(b, "second"))
		require.ErrorIs(t, b.Flush(t.Context(), true), fault.ErrUnavailable)
		b.clock.Move(time.Second)
	}
	require.NoError(t, reveal(buffered, "third"))
	require.ErrorIs(t, reveal(strict, "third"), access.ErrUnaudited)
	full := error(nil)
	for n := 0; full == nil && n < 20_000; n++ {
		full = reveal(buffered, strconv.Itoa(n))
	}
	require.ErrorIs(t, full, access.ErrUnaudited)
	for _, b := range []bundle{buffered, strict} {
		b.trail.Fail(false)
		entries := b.all(t)
		assert.Equal(t, "first", entries[0].Resource.Name, "nothing is lost")
		assert.Equal(t, "second", entries[1].Resource.Name)
		require.NoError(t, reveal(b, "later"))
	}
}

func TestListAndVerify(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	admin := fixture.Operator()
	for n := range 5 {
		require.NoError(t, reveal(b, strconv.Itoa(n)))
		b.clock.Move(time.Second)
	}
	require.Len(t, b.all(t), 5)
	page, err := b.List(t.Context(), admin, auditapp.List{Window: scope.Window{Limit: 2}})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	assert.True(t, page.More)
	assert.Equal(t, int64(5), page.Items[0].Sequence)
	page, err = b.List(t.Context(), admin, auditapp.List{
		Window: scope.Window{Limit: 10, After: page.Positions[1]}, Name: "1",
	})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.Equal(t, int64(2), page.Items[0].Sequence)

	verified, err := b.Verify(t.Context(), admin, 0, 0)
	require.NoError(t, err)
	assert.Nil(t, verified.Broken)
	assert.Equal(t, []int64{1, 5, 0}, []int64{verified.From, verified.To, verified.Next})
	verified, err = b.Verify(t.Context(), admin, 3, 4)
	require.NoError(t, err)
	assert.Nil(t, verified.Broken)
	assert.Equal(t, []int64{3, 4}, []int64{verified.From, verified.To})
	for _, bounds := range [][2]int64{{6, 0}, {9, 0}, {9, 12}, {4, 3}, {-1, 0}} {
		_, err = b.Verify(t.Context(), admin, bounds[0], bounds[1])
		require.ErrorIs(t, err, fault.ErrInvalid, "%v", bounds)
	}

	operator := access.Caller{
		Actor: scope.Actor{KeyID: "o"}, Grants: access.Expand(fixture.Granted(access.RoleOperator)),
	}
	_, err = b.List(t.Context(), operator, auditapp.List{Window: scope.Window{Limit: 2}})
	require.ErrorIs(t, err, access.ErrForbidden)
	_, err = b.Verify(t.Context(), operator, 0, 0)
	require.ErrorIs(t, err, access.ErrForbidden)
	_, err = b.List(t.Context(), admin, auditapp.List{Outcome: "maybe", Window: scope.Window{Limit: 2}})
	require.ErrorIs(t, err, fault.ErrInvalid)
}
