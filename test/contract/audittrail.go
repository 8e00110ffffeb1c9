package contract

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
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
		{"records of a stream are stored once", recordsOfAStream},
		{"concurrent additions of the same records of a stream store them once", concurrentStreams},
		{"a prefix is removed, and the chain goes on from its last entry", prunedPrefix},
		{"all entries are removed, and the chain goes on", prunedWhole},
		{"only up to an entry of the log is it pruned", prunedElsewhere},
	}
}

// sealing seals at most so many changes and others.
func sealing(limit int) ports.Sealing {
	return ports.Sealing{Limit: limit, Describe: describeChange, Rejected: func(first, count int64) audit.Record {
		return audit.Record{
			At: fixture.Noon(), Action: "audit.rejected", Outcome: audit.Done, Count: count,
			Facts: map[string]string{"first": strconv.FormatInt(first, 10)},
		}
	}}
}

// SealNothing seals at most so many changes, none of which has an entry.
func SealNothing(limit int) ports.Sealing {
	s := sealing(limit)
	s.Describe = func(ports.Change) (audit.Record, bool) { return audit.Record{}, false }
	return s
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

// SealAll seals everything that waits.
func (s AuditStore) SealAll(t *testing.T) {
	t.Helper()
	for {
		n, err := s.Seal(t.Context(), sealing(2))
		require.NoError(t, err)
		if n == 0 {
			return
		}
	}
}

// Intact returns all entries after it has verified them.
func (s AuditStore) Intact(t *testing.T) []audit.Entry {
	t.Helper()
	extent, err := s.Extent(t.Context())
	require.NoError(t, err)
	require.Empty(t, extent.Strays)
	list, err := s.Range(t.Context(), 1, 1000)
	require.NoError(t, err)
	head, broken := audit.Verify(extent.Start, list)
	require.Nil(t, broken)
	require.Equal(t, head, extent.End)
	entries := make([]audit.Entry, len(list))
	for i, one := range list {
		entries[i], err = audit.Parse(one.Canonical)
		require.NoError(t, err)
	}
	return entries
}

func emptyLog(t *testing.T, s AuditStore) {
	n, err := s.Seal(t.Context(), sealing(10))
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Empty(t, s.Intact(t))
	list, err := s.Entries(t.Context(), audit.Query{Limit: 10})
	require.NoError(t, err)
	assert.Empty(t, list)
	require.NoError(t, s.Add(t.Context()))
}

func sealedOnce(t *testing.T, s AuditStore) {
	s.Change(t)
	require.NoError(t, s.Add(t.Context(), aRecord(1), aRecord(2), aRecord(3)))
	s.SealAll(t)
	s.Change(t)
	s.SealAll(t)
	entries := s.Intact(t)
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
	n, err := s.Seal(t.Context(), SealNothing(10))
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	s.SealAll(t)
	assert.Empty(t, s.Intact(t))
}

func concurrentSeals(t *testing.T, s AuditStore) {
	for n := range 20 {
		require.NoError(t, s.Add(t.Context(), aRecord(n)))
	}
	for _, err := range together(writers, func(int) error {
		_, err := s.Seal(t.Context(), sealing(3))
		return err
	}) {
		require.NoError(t, err)
	}
	s.SealAll(t)
	assert.Len(t, s.Intact(t), 20)
}

func selectedEntries(t *testing.T, s AuditStore) {
	other := audit.Record{
		At: fixture.Noon().Add(time.Hour), Actor: scope.Actor{KeyID: "BBBBBBBB", Name: "bob"}, Action: "flag.write",
		Outcome: audit.Denied, Count: 7,
		Resource: audit.Resource{Type: "request", Environment: "production", ServiceName: "shop", Name: "PUT /x"},
	}
	require.NoError(t, s.Add(t.Context(), aRecord(1), other, aRecord(2)))
	s.SealAll(t)
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
	s.SealAll(t)
	production := scope.Area{Environments: []scope.Environment{fixture.Production(t)}}
	assert.Equal(t, []int64{1}, s.sequences(t, audit.Query{Limit: 10, Within: []scope.Area{production}}))
	assert.Equal(t, []int64{2, 1}, s.sequences(t, audit.Query{Limit: 10, Within: []scope.Area{{Prefixes: []string{"ui."}}}}))
	shop := scope.Area{Services: []scope.ServiceName{fixture.ServiceName(t, "shop")}}
	assert.Equal(t, []int64{1}, s.sequences(t, audit.Query{Limit: 10, Within: []scope.Area{shop}}))
}

func actions(entries []audit.Entry) []string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.Action + " " + e.Resource.ID
	}
	return list
}

func recordsOfAStream(t *testing.T, s AuditStore) {
	require.NoError(t, s.AddOnce(t.Context(), "one", 1))
	require.NoError(t, s.AddOnce(t.Context(), "one", 1, aRecord(1), aRecord(2)))
	require.NoError(t, s.AddOnce(t.Context(), "one", 2, aRecord(2), aRecord(3)))
	require.NoError(t, s.AddOnce(t.Context(), "one", 1, aRecord(1)))
	require.NoError(t, s.AddOnce(t.Context(), "two", 1, aRecord(4)))
	require.NoError(t, s.AddOnce(t.Context(), "one", 4, aRecord(5)))
	s.SealAll(t)
	assert.Equal(t, []string{"key.created 1", "key.created 2", "key.created 3", "key.created 4", "key.created 5"},
		actions(s.Intact(t)))
}

func concurrentStreams(t *testing.T, s AuditStore) {
	for _, err := range together(writers, func(int) error {
		return s.AddOnce(t.Context(), "one", 1, aRecord(1), aRecord(2), aRecord(3))
	}) {
		require.NoError(t, err)
	}
	s.SealAll(t)
	assert.Len(t, s.Intact(t), 3)
}

// headAt returns the head after an entry.
func (s AuditStore) headAt(t *testing.T, sequence int64) audit.Head {
	t.Helper()
	list, err := s.Range(t.Context(), sequence, 1)
	require.NoError(t, err)
	require.Len(t, list, 1)
	return audit.Head{Sequence: list[0].Sequence, Hash: list[0].Hash}
}

func (s AuditStore) fill(t *testing.T, count int) {
	t.Helper()
	for n := range count {
		require.NoError(t, s.Add(t.Context(), aRecord(n+1)))
	}
	s.SealAll(t)
}

func prunedPrefix(t *testing.T, s AuditStore) {
	s.fill(t, 5)
	upTo := s.headAt(t, 3)
	require.NoError(t, s.Prune(t.Context(), upTo, aRecord(99)))
	extent, err := s.Extent(t.Context())
	require.NoError(t, err)
	assert.Equal(t, upTo, extent.Start)
	assert.Equal(t, int64(5), extent.End.Sequence)
	assert.Equal(t, []int64{5, 4}, s.sequences(t, audit.Query{Limit: 10}))
	s.SealAll(t)
	assert.Equal(t, []string{"key.created 4", "key.created 5", "key.created 99"}, actions(s.Intact(t)))
}

func prunedWhole(t *testing.T, s AuditStore) {
	s.fill(t, 3)
	require.NoError(t, s.Prune(t.Context(), s.headAt(t, 3), aRecord(99)))
	assert.Empty(t, s.Intact(t))
	s.SealAll(t)
	entries := s.Intact(t)
	require.Len(t, entries, 1)
	assert.Equal(t, int64(4), entries[0].Sequence)
}

func prunedElsewhere(t *testing.T, s AuditStore) {
	s.fill(t, 3)
	wrong := s.headAt(t, 2)
	wrong.Hash[0]++
	require.NoError(t, s.Prune(t.Context(), s.headAt(t, 1), aRecord(99)))
	removed := audit.Head{Sequence: 1}
	for _, upTo := range []audit.Head{wrong, {Sequence: 9}, {}, removed} {
		require.ErrorIs(t, s.Prune(t.Context(), upTo, aRecord(98)), fault.ErrInvalid)
	}
	s.SealAll(t)
	assert.Len(t, s.Intact(t), 3)
}

// SealOne adds a record and seals everything.
func (s AuditStore) SealOne(t *testing.T) {
	t.Helper()
	require.NoError(t, s.Add(t.Context(), aRecord(1)))
	s.SealAll(t)
}

// KeepNothing returns a retention that keeps nothing.
func KeepNothing() ports.Retention {
	return ports.Retention{Published: map[string]int64{"configuration": 1 << 40, "flag": 1 << 40, "service": 1 << 40}}
}
