package contract

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// AuditStore is an audit log over a feed.
type AuditStore struct {
	ports.AuditTrail

	// Change makes a change that has a revision.
	Change func(t *testing.T)
}

// AuditTrail tests a store against ports.AuditTrail, on empty ones that fresh returns.
func AuditTrail(t *testing.T, fresh func(*testing.T) AuditStore, without Without) {
	t.Helper()
	run(t, auditTrailSuite(), fresh, without)
}

func auditTrailSuite() []behaviour[AuditStore] {
	return []behaviour[AuditStore]{
		{"an empty log has no head and no entries", emptyLog},
		{"records and changes are sealed once, in a chain that is intact", sealedOnce},
		{"changes that are not described are left out", undescribedChanges},
		{"concurrent seals make one chain", concurrentSeals},
		{"entries are selected by each attribute, the newest first", selectedEntries},
		{"entries are narrowed by areas", entriesWithinAreas},
	}
}

func describeChange(c ports.Change) (audit.Record, bool) {
	return audit.Record{
		At: c.OccurredAt, Actor: c.Actor, Action: c.EventType, Outcome: audit.Done, Count: 1,
		VersionAfter: c.AggregateVersion,
	}, true
}

func aRecord(n int) audit.Record {
	return audit.Record{
		At: fixture.Noon().Add(time.Duration(n) * time.Second), Actor: scope.Actor{KeyID: "AAAAAAAA", Name: "ann"},
		Source: "192.0.2.1", RequestID: "r", Action: "key.created", Outcome: audit.Done, Count: 1,
		Resource: audit.Resource{Type: "api_key", ID: strconv.Itoa(n), Name: "name \"\u2028\x01"},
		Facts:    map[string]string{"a": "1", "b": "\u00e4"},
	}
}

func (s AuditStore) sealAll(t *testing.T) {
	t.Helper()
	for {
		n, err := s.Seal(t.Context(), 2, describeChange)
		require.NoError(t, err)
		if n == 0 {
			return
		}
	}
}

// intact returns all entries after it has verified them.
func (s AuditStore) intact(t *testing.T) []audit.Entry {
	t.Helper()
	list, err := s.Range(t.Context(), 1, 1000)
	require.NoError(t, err)
	head, broken := audit.Verify(audit.Head{}, list)
	require.Nil(t, broken)
	stored, err := s.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, head, stored)
	entries := make([]audit.Entry, len(list))
	for i, one := range list {
		entries[i], err = audit.Parse(one.Canonical)
		require.NoError(t, err)
	}
	return entries
}

func emptyLog(t *testing.T, s AuditStore) {
	n, err := s.Seal(t.Context(), 10, describeChange)
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Empty(t, s.intact(t))
	list, err := s.Entries(t.Context(), audit.Query{Limit: 10})
	require.NoError(t, err)
	assert.Empty(t, list)
	require.NoError(t, s.Add(t.Context()))
}

func sealedOnce(t *testing.T, s AuditStore) {
	s.Change(t)
	require.NoError(t, s.Add(t.Context(), aRecord(1), aRecord(2), aRecord(3)))
	s.sealAll(t)
	s.Change(t)
	s.sealAll(t)
	entries := s.intact(t)
	require.Len(t, entries, 5)
	assert.Equal(t, aRecord(1), entries[1].Record)
	assert.Equal(t, aRecord(3), entries[3].Record)
	assert.Equal(t, int64(5), entries[4].Sequence)
	assert.NotEmpty(t, entries[0].Action)
	rest, err := s.Range(t.Context(), 4, 1)
	require.NoError(t, err)
	require.Len(t, rest, 1)
	assert.Equal(t, int64(4), rest[0].Sequence)
}

func undescribedChanges(t *testing.T, s AuditStore) {
	s.Change(t)
	n, err := s.Seal(t.Context(), 10, func(ports.Change) (audit.Record, bool) { return audit.Record{}, false })
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	s.sealAll(t)
	assert.Empty(t, s.intact(t))
}

func concurrentSeals(t *testing.T, s AuditStore) {
	for n := range 20 {
		require.NoError(t, s.Add(t.Context(), aRecord(n)))
	}
	for _, err := range together(writers, func(int) error {
		_, err := s.Seal(t.Context(), 3, describeChange)
		return err
	}) {
		require.NoError(t, err)
	}
	s.sealAll(t)
	assert.Len(t, s.intact(t), 20)
}

func selectedEntries(t *testing.T, s AuditStore) {
	other := audit.Record{
		At: fixture.Noon().Add(time.Hour), Actor: scope.Actor{KeyID: "BBBBBBBB", Name: "bob"}, Action: "flag.write",
		Outcome: audit.Denied, Count: 7,
		Resource: audit.Resource{Type: "request", Environment: "production", ServiceName: "shop", Name: "PUT /x"},
	}
	require.NoError(t, s.Add(t.Context(), aRecord(1), other, aRecord(2)))
	s.sealAll(t)
	for name, row := range map[string]struct {
		query audit.Query
		want  []int64
	}{
		"all":         {audit.Query{}, []int64{3, 2, 1}},
		"actor":       {audit.Query{ActorKeyID: "BBBBBBBB"}, []int64{2}},
		"action":      {audit.Query{Action: "key.created"}, []int64{3, 1}},
		"type":        {audit.Query{ResourceType: "request"}, []int64{2}},
		"environment": {audit.Query{Environment: "production"}, []int64{2}},
		"service":     {audit.Query{ServiceName: "shop"}, []int64{2}},
		"name":        {audit.Query{Name: "PUT /x"}, []int64{2}},
		"outcome":     {audit.Query{Outcome: audit.Denied}, []int64{2}},
		"from":        {audit.Query{From: fixture.Noon().Add(2 * time.Second)}, []int64{3, 2}},
		"to":          {audit.Query{To: fixture.Noon().Add(2 * time.Second)}, []int64{1}},
		"before":      {audit.Query{Before: 3}, []int64{2, 1}},
		"limit":       {audit.Query{Limit: 1}, []int64{3}},
		"none":        {audit.Query{Name: "%"}, nil},
	} {
		if row.query.Limit == 0 {
			row.query.Limit = 10
		}
		assert.Equal(t, row.want, s.sequences(t, row.query), name)
	}
}

func (s AuditStore) sequences(t *testing.T, q audit.Query) []int64 {
	t.Helper()
	list, err := s.Entries(t.Context(), q)
	require.NoError(t, err)
	var numbers []int64
	for _, one := range list {
		numbers = append(numbers, one.Sequence)
	}
	return numbers
}

func entriesWithinAreas(t *testing.T, s AuditStore) {
	for i, r := range []audit.Resource{
		{Environment: "production", ServiceName: "shop", Name: "ui.a"}, {Environment: "staging", Name: "ui.b"}, {},
	} {
		record := aRecord(i)
		record.Resource = r
		require.NoError(t, s.Add(t.Context(), record))
	}
	s.sealAll(t)
	production := scope.Area{Environments: []scope.Environment{fixture.Production(t)}}
	assert.Equal(t, []int64{1}, s.sequences(t, audit.Query{Limit: 10, Within: []scope.Area{production}}))
	assert.Equal(t, []int64{2, 1}, s.sequences(t, audit.Query{Limit: 10, Within: []scope.Area{{Prefixes: []string{"ui."}}}}))
	shop := scope.Area{Services: []scope.ServiceName{fixture.ServiceName(t, "shop")}}
	assert.Equal(t, []int64{1}, s.sequences(t, audit.Query{Limit: 10, Within: []scope.Area{shop}}))
}

// SealOne adds a record and seals everything.
func (s AuditStore) SealOne(t *testing.T) {
	t.Helper()
	require.NoError(t, s.Add(t.Context(), aRecord(1)))
	s.sealAll(t)
}

// KeepNothing returns a retention that keeps nothing.
func KeepNothing() ports.Retention {
	return ports.Retention{Published: map[string]int64{"configuration": 1 << 40, "flag": 1 << 40, "service": 1 << 40}}
}
