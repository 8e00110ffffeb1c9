package audit_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func entry(sequence int64) audit.Entry {
	return audit.Entry{Sequence: sequence, Record: audit.Record{
		At:    time.Date(2026, time.November, 23, 12, 0, 0, 1000, time.UTC),
		Actor: scope.Actor{KeyID: "4fT0aQ9z", Name: "deploy"}, Source: "192.0.2.1", RequestID: "r",
		Action: "configuration.updated", Outcome: audit.Done, Count: 1, VersionBefore: 1, VersionAfter: 2,
		Resource: audit.Resource{
			Type: "configuration", ID: "7", Environment: "production", ServiceName: "shop", Name: "db.url",
		},
		Facts: map[string]string{"is_encrypted": "true"},
	}}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	const want = `{"action":"configuration.updated","actor":{"key_id":"4fT0aQ9z","name":"deploy"},` +
		`"at":"2026-11-23T12:00:00.000001Z","count":1,"facts":{"is_encrypted":"true"},"outcome":"done","request_id":"r",` +
		`"resource":{"environment":"production","id":"7","name":"db.url","service_name":"shop","type":"configuration"},` +
		`"sequence":1,"source":"192.0.2.1","version_after":2,"version_before":1}`
	canonical := entry(1).Canonical()
	assert.JSONEq(t, want, string(canonical))
	// python3: hashlib.sha256(bytes(32) + text).hexdigest()
	hash := audit.Chain(audit.Hash{}, canonical)
	assert.Equal(t, "542ca8040fc2d0a9d2e90ca0226ad1ea", hex.EncodeToString(hash[:16]))
}

// TestCanonicalIsRFC8785 compares the form with that of another implementation.
func TestCanonicalIsRFC8785(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		e := entry(rapid.Int64Range(1, 1<<50).Draw(r, "sequence"))
		e.Actor.Name = rapid.String().Draw(r, "name")
		e.Resource.Name = rapid.StringMatching(`[\x00-\x{2100}"\\]{0,20}`).Draw(r, "resource")
		e.Facts = rapid.MapOf(rapid.StringMatching(`[a-z_]{1,8}`), rapid.String()).Draw(r, "facts")
		canonical := e.Canonical()
		value := jsontext.Value(canonical).Clone()
		require.NoError(r, value.Canonicalize())
		require.Equal(r, string(value), string(canonical))
		parsed, err := audit.Parse(canonical)
		require.NoError(r, err)
		require.Equal(r, string(canonical), string(parsed.Canonical()))
	})
}

// TestLinesAreRFC8785 compares lines of an export with those of another implementation.
func TestLinesAreRFC8785(t *testing.T) {
	t.Parallel()
	stored := chain(1)[0]
	stored.Columns.Name = "\u2028\"\x01"
	for _, line := range [][]byte{stored.Line(), audit.Head{Sequence: 7}.Line("start")} {
		value := jsontext.Value(line).Clone()
		require.NoError(t, value.Canonicalize())
		assert.Equal(t, string(value), string(line))
	}
	assert.Contains(t, string(stored.Line()), `"occurred_at":"2026-11-23T12:00:00.000001Z"`)
	stored.Canonical = append([]byte(" "), stored.Canonical...)
	value := jsontext.Value(stored.Line()).Clone()
	require.NoError(t, value.Canonicalize())
	assert.NotEqual(t, string(value), string(stored.Line()), "what is not canonical shows")
}

func chain(count int64) []audit.Stored {
	var list []audit.Stored
	var before audit.Hash
	for sequence := int64(1); sequence <= count; sequence++ {
		e := entry(sequence)
		canonical := e.Canonical()
		before = audit.Chain(before, canonical)
		list = append(list, audit.Stored{
			Sequence: sequence, Canonical: canonical, Hash: before, Columns: audit.ColumnsOf(e.Record),
		})
	}
	return list
}

func TestVerify(t *testing.T) {
	t.Parallel()
	head, broken := audit.Verify(audit.Head{}, chain(5))
	assert.Nil(t, broken)
	assert.Equal(t, int64(5), head.Sequence)
	rest, broken := audit.Verify(audit.Head{Sequence: 2, Hash: chain(2)[1].Hash}, chain(5)[2:])
	assert.Nil(t, broken)
	assert.Equal(t, head, rest)

	for name, row := range map[string]struct {
		tamper func([]audit.Stored) []audit.Stored
		want   audit.Broken
	}{
		"a changed text": {func(l []audit.Stored) []audit.Stored {
			l[2].Canonical = []byte(strings.Replace(string(l[2].Canonical), "deploy", "nobody", 1))
			return l
		}, audit.Broken{Sequence: 3, Reason: "hash"}},
		"a changed column": {func(l []audit.Stored) []audit.Stored {
			l[2].Columns.ActorKeyID = "another0"
			return l
		}, audit.Broken{Sequence: 3, Reason: "changed"}},
		"another spelling": {func(l []audit.Stored) []audit.Stored {
			l[2].Canonical = append([]byte(" "), l[2].Canonical...)
			return l
		}, audit.Broken{Sequence: 3, Reason: "changed"}},
		"no JSON": {func(l []audit.Stored) []audit.Stored {
			l[0].Canonical = []byte("x")
			return l
		}, audit.Broken{Sequence: 1, Reason: "changed"}},
		"a removed entry": {func(l []audit.Stored) []audit.Stored {
			return append(l[:2], l[3:]...)
		}, audit.Broken{Sequence: 3, Reason: "missing"}},
		"a removed entry with new numbers": {func(l []audit.Stored) []audit.Stored {
			l = append(l[:2], l[3:]...)
			l[2].Sequence = 3
			return l
		}, audit.Broken{Sequence: 3, Reason: "changed"}},
		"swapped entries": {func(l []audit.Stored) []audit.Stored {
			l[2].Canonical, l[3].Canonical = l[3].Canonical, l[2].Canonical
			return l
		}, audit.Broken{Sequence: 3, Reason: "changed"}},
		"an inserted entry": {func(l []audit.Stored) []audit.Stored {
			return append(l[:3:3], append([]audit.Stored{l[2]}, l[3:]...)...)
		}, audit.Broken{Sequence: 3, Reason: "inserted"}},
		"a changed hash": {func(l []audit.Stored) []audit.Stored {
			l[4].Hash[0]++
			return l
		}, audit.Broken{Sequence: 5, Reason: "hash"}},
	} {
		_, broken := audit.Verify(audit.Head{}, row.tamper(chain(5)))
		require.NotNil(t, broken, name)
		assert.Equal(t, row.want, *broken, name)
	}
}
