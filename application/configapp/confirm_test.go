package configapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestUnconfirmedCaller(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stored := b.created(t, "one", true)
	by := fixture.Unconfirmed(fixture.Admin())

	_, err := b.read(t, by)
	require.ErrorIs(t, err, access.ErrUnconfirmed, "a hidden value would look like a missing one")
	reader := fixture.Unconfirmed(access.Caller{Actor: by.Actor, Grants: access.ReadOnly()})
	view, err := b.read(t, reader)
	require.NoError(t, err)
	assert.Equal(t, "hidden", text(view))

	in := creation("two", false)
	in.Key = "another"
	_, err = b.Create(t.Context(), by, in)
	require.ErrorIs(t, err, access.ErrUnconfirmed)
	_, err = b.Update(t.Context(), by, configapp.Update{ID: stored.ID, Value: new(secret.New("two"))})
	require.ErrorIs(t, err, access.ErrUnconfirmed)
	_, err = b.Update(t.Context(), by, configapp.Update{ID: stored.ID, IsEncrypted: new(false)})
	require.ErrorIs(t, err, access.ErrUnconfirmed)
	_, err = b.Delete(t.Context(), by, configapp.Delete{ID: stored.ID})
	require.ErrorIs(t, err, access.ErrUnconfirmed)
	_, err = b.RollBack(t.Context(), by, configapp.RollBack{ID: stored.ID, Version: 1})
	require.ErrorIs(t, err, access.ErrUnconfirmed)
	assert.Len(t, b.store.Outbox(), 1)
}
