package bunstore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

type tableRow struct {
	bun.BaseModel `bun:"table:examples,alias:e"`

	ID        int64  `bun:",pk,autoincrement"`
	Name      string `store:"identity"`
	Goal      string
	Mirror    string           `store:"unread"`
	CreatedAt column.Timestamp `store:"insert"`
	Winner    string           `store:"insert,finish"`
	bunstore.LifecycleColumns
}

func TestTable(t *testing.T) {
	t.Parallel()
	table := bunstore.NewTable[tableRow](storetest.Memory(t))
	lifecycle := []string{"version", "updated_at", "updated_by", "updated_by_key", "is_deleted", "last_event_id"}

	t.Run("inserts write all columns but the serial one", func(t *testing.T) {
		t.Parallel()
		assert.ElementsMatch(t, append(lifecycle, "name", "goal", "mirror", "created_at", "winner"), table.Names())
	})

	t.Run("updates write no identity, and nothing that only inserts write", func(t *testing.T) {
		t.Parallel()
		assert.ElementsMatch(t, append(lifecycle, "goal", "mirror"), table.Updated())
	})

	t.Run("selects leave out what is not read", func(t *testing.T) {
		t.Parallel()
		assert.ElementsMatch(t, append(lifecycle, "id", "name", "goal", "created_at", "winner"), table.Selected())
	})

	t.Run("an option names a group of columns", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, []string{"winner"}, table.With("finish"))
		assert.ElementsMatch(t, lifecycle, table.With("damaged"))
	})
}
