package auditstore_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// logged is a store with three entries in its log.
type logged struct {
	contract.AuditStore

	store *bunstore.Store
}

func eachLogged(t *testing.T, check func(t *testing.T, l logged)) {
	t.Helper()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			l := logged{contract.AuditStore{AuditTrail: auditstore.New(store)}, store}
			for range 3 {
				l.SealOne(t)
			}
			check(t, l)
		})
	}
}

func (l logged) exec(t *testing.T, statement string) error {
	t.Helper()
	return storetest.Exec(t.Context(), l.store, statement)
}

// insert adds a row as the log has them.
func (l logged) insert(t *testing.T, sequence int64, entry string, hash []byte) error {
	t.Helper()
	literal := "x'" + hex.EncodeToString(hash) + "'"
	if l.store.Dialect() == bunstore.Postgres {
		literal = `'\x` + hex.EncodeToString(hash) + "'"
	}
	return l.exec(t, fmt.Sprintf("INSERT INTO audit (sequence, entry, hash, occurred_at, actor_key, action, outcome, "+
		"resource_type, environment, service_name, name) SELECT %d, '%s', %s, occurred_at, '', '', '', '', '', '', '' "+
		"FROM audit WHERE sequence = 1", sequence, entry, literal))
}

func (l logged) extent(t *testing.T) audit.Extent {
	t.Helper()
	extent, err := l.Extent(t.Context())
	require.NoError(t, err)
	return extent
}

// TestForgedRowsAreRefused inserts rows that do not follow the last entry.
func TestForgedRowsAreRefused(t *testing.T) {
	t.Parallel()
	eachLogged(t, func(t *testing.T, l logged) {
		hash := l.extent(t).End.Hash
		for _, sequence := range []int64{-5, 0, 1, 3, 5, 1 << 62} {
			right := audit.Chain(hash, []byte("{}"))
			require.Error(t, l.insert(t, sequence, "{}", right[:]), "%d", sequence)
		}
		require.ErrorContains(t, l.insert(t, 4, "{}", hash[:5]), "append-only")
		if l.store.Dialect() == bunstore.Postgres {
			require.ErrorContains(t, l.insert(t, 4, "{}", hash[:]), "append-only", "the hash is not of the chain")
		}
		assert.Len(t, l.Intact(t), 3)

		// One that follows is an entry, as one in audit_pending would be.
		entry := string(audit.Entry{Sequence: 4}.Canonical())
		right := audit.Chain(hash, []byte(entry))
		require.NoError(t, l.insert(t, 4, entry, right[:]))
		assert.Equal(t, audit.Head{Sequence: 4, Hash: right}, l.extent(t).End)
		l.SealOne(t)
	})
}

// TestRowsBesideTheLogAreSetAside inserts rows beside the triggers.
func TestRowsBesideTheLogAreSetAside(t *testing.T) {
	t.Parallel()
	eachLogged(t, func(t *testing.T, l logged) {
		require.NoError(t, l.without(t, "audit_follows_its_head", "audit_moves_its_head"))
		for _, sequence := range []int64{-5, 4, 5, 1 << 62} {
			require.NoError(t, l.insert(t, sequence, "{}", make([]byte, 32)))
		}
		assert.Equal(t, []int64{-5, 4}, l.extent(t).Strays)
		list, err := l.Range(t.Context(), -100, 100)
		require.NoError(t, err)
		assert.Len(t, list, 3, "they are no entries")
		list, err = l.Entries(t.Context(), audit.Query{Limit: 100})
		require.NoError(t, err)
		assert.Len(t, list, 3)

		l.SealOne(t)
		entries := l.Intact(t)
		require.Len(t, entries, 5)
		assert.Equal(t, "audit.rejected", entries[3].Action)
		assert.Equal(t, int64(4), entries[3].Count)
		assert.Equal(t, "-5", entries[3].Facts["first"])
		require.NoError(t, l.exec(t, "INSERT INTO audit_streams SELECT 'rejected', count(*) FROM audit_rejected"))
		require.NoError(t, l.AddOnce(t.Context(), "rejected", 4, audit.Record{Action: "a"}, audit.Record{Action: "b"}))
		l.SealAll(t)
		assert.Len(t, l.Intact(t), 6, "four rows were kept elsewhere")
	})
}

// without removes triggers, of which a dialect has one or both.
func (l logged) without(t *testing.T, triggers ...string) error {
	t.Helper()
	for _, name := range triggers {
		if l.store.Dialect() == bunstore.Postgres {
			if err := l.exec(t, "DROP TRIGGER IF EXISTS "+name+" ON audit"); err != nil {
				return err
			}
			if err := l.exec(t, "DROP TRIGGER IF EXISTS "+name+" ON audit_head"); err != nil {
				return err
			}
			continue
		}
		if err := l.exec(t, "DROP TRIGGER IF EXISTS "+name); err != nil {
			return err
		}
	}
	return nil
}

// repair returns the statement of docs/operations.md for a head that is missing.
func repair(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/operations.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "```sql\nINSERT INTO audit_head")
	require.True(t, found)
	statement, _, _ := strings.Cut(after, ";\n```")
	return "INSERT INTO audit_head" + statement
}

// TestHeadIsGuarded changes the head and the start by hand.
func TestHeadIsGuarded(t *testing.T) {
	t.Parallel()
	eachLogged(t, func(t *testing.T, l logged) {
		for _, statement := range []string{
			"DELETE FROM audit_head", "UPDATE audit_head SET sequence = 2", "UPDATE audit_head SET sequence = 99",
			"UPDATE audit_head SET hash = start_hash", "UPDATE audit_head SET start_sequence = 99",
			"UPDATE audit_head SET start_sequence = 2",
			"UPDATE audit_head SET sequence = 2, hash = (SELECT hash FROM audit WHERE sequence = 2)",
		} {
			require.ErrorContains(t, l.exec(t, statement), "append-only", statement)
		}
		require.ErrorContains(t, l.exec(t, "DELETE FROM audit WHERE sequence = 1"), "append-only")
		assert.Len(t, l.Intact(t), 3)
	})
}

// TestMissingHead deletes the head beside the triggers.
func TestMissingHead(t *testing.T) {
	t.Parallel()
	eachLogged(t, func(t *testing.T, l logged) {
		end := l.extent(t).End
		require.NoError(t, l.without(t, "audit_head_is_of_the_log", "audit_head_is_kept"))
		require.NoError(t, l.exec(t, "DELETE FROM audit_head"))
		_, err := l.Seal(t.Context(), contract.SealNothing(10))
		require.ErrorIs(t, err, audit.ErrHeadMissing)
		_, err = l.Extent(t.Context())
		require.ErrorIs(t, err, audit.ErrHeadMissing)
		require.ErrorIs(t, l.Prune(t.Context(), end, audit.Record{}), audit.ErrHeadMissing)
		require.ErrorContains(t, l.exec(t, "DELETE FROM audit WHERE sequence = 1"), "append-only")

		require.NoError(t, l.exec(t, repair(t)), "as docs/operations.md describes")
		assert.Equal(t, end, l.extent(t).End)
		l.SealOne(t)
		assert.Len(t, l.Intact(t), 4)
	})
}
