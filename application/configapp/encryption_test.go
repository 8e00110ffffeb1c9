package configapp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// allSealed reports whether no value in the history is plain.
func allSealed(t *testing.T, b *bundle, id configuration.ID) bool {
	t.Helper()
	page, err := b.store.Entries(t.Context(), id, scope.Window{Limit: 1000})
	require.NoError(t, err)
	for _, e := range page.Items {
		for _, c := range []configuration.Content{e.Old, e.New} {
			if !c.IsZero() && !c.Encrypted() {
				return false
			}
		}
	}
	return true
}

func (b *bundle) encrypt(t *testing.T, id configuration.ID, on bool) (configapp.View, error) {
	t.Helper()
	return b.Update(t.Context(), fixture.Admin(), configapp.Update{ID: id, IsEncrypted: &on})
}

func TestEncryption(t *testing.T) {
	t.Parallel()

	t.Run("an encrypted configuration is stored as a token, and the response hides the value", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", true)
		assert.Equal(t, "1eno", view.Content.Stored().Reveal())
		assert.Equal(t, "hidden", text(view))
	})

	t.Run("without encryption nothing is stored, rather than plain", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", true)
		b.cipher.available = false
		in := creation("two", true)
		in.Key = "another"
		_, err := b.Create(t.Context(), fixture.Admin(), in)
		require.ErrorIs(t, err, ports.ErrEncryptionUnavailable)
		_, err = b.Update(t.Context(), fixture.Admin(), configapp.Update{ID: view.ID, Value: new(secret.New("two"))})
		require.ErrorIs(t, err, ports.ErrEncryptionUnavailable)
		assert.Len(t, b.store.Outbox(), 1)
	})

	t.Run("turning it on seals the present value and the complete history", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		b.updated(t, view.ID, "two")
		got, err := b.encrypt(t, view.ID, true)
		require.NoError(t, err)
		assert.Equal(t, configuration.Version(3), got.Version)
		assert.True(t, allSealed(t, b, view.ID))
		back, err := b.RollBack(t.Context(), fixture.Admin(), configapp.RollBack{ID: view.ID, Version: 1})
		require.NoError(t, err)
		assert.True(t, back.Content.Encrypted())
		revealed, err := b.read(t, fixture.Admin())
		require.NoError(t, err)
		assert.Equal(t, "one", text(revealed))
	})

	t.Run("turning it on without encryption changes nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		b.cipher.available = false
		_, err := b.encrypt(t, view.ID, true)
		require.ErrorIs(t, err, ports.ErrEncryptionUnavailable)
		got, err := b.read(t, fixture.Reader())
		require.NoError(t, err)
		assert.Equal(t, "one", text(got))
	})

	t.Run("turning it off needs the right to, and leaves the history sealed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", true)
		writer := fixture.Admin()
		writer.Grants = []access.Grant{access.Allow(access.ReadConfiguration, access.WriteConfiguration)}
		off := false
		_, err := b.Update(t.Context(), writer, configapp.Update{ID: view.ID, IsEncrypted: &off})
		require.ErrorIs(t, err, access.ErrForbidden)
		got, err := b.encrypt(t, view.ID, false)
		require.NoError(t, err)
		assert.Equal(t, "one", text(got))
		entry, err := b.store.Entry(t.Context(), view.ID, 1)
		require.NoError(t, err)
		assert.True(t, entry.New.Encrypted())
	})

	t.Run("a rollback to an encrypted version seals the plain values in between", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", true)
		_, err := b.encrypt(t, view.ID, false)
		require.NoError(t, err)
		_, err = b.RollBack(t.Context(), fixture.Admin(), configapp.RollBack{ID: view.ID, Version: 1})
		require.NoError(t, err)
		assert.True(t, allSealed(t, b, view.ID))
	})

	t.Run("creating a deleted plain one again, encrypted, seals its history", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", false)
		_, err := b.Delete(t.Context(), fixture.Admin(), configapp.Delete{ID: view.ID})
		require.NoError(t, err)
		b.created(t, "two", true)
		assert.True(t, allSealed(t, b, view.ID))
	})

	t.Run("the same value again makes no version", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", true)
		assert.Equal(t, configuration.Version(1), b.updated(t, view.ID, "one").Version)
	})

	t.Run("a description alone leaves the token as it is", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", true)
		got, err := b.Update(t.Context(), fixture.Admin(), configapp.Update{ID: view.ID, Description: new("about")})
		require.NoError(t, err)
		assert.Equal(t, view.Content.Stored(), got.Content.Stored())
	})

	t.Run("the error of a value that cannot be decrypted has id and version, and the value can be replaced", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		view := b.created(t, "one", true)
		b.cipher.blind = true
		_, err := b.read(t, fixture.Admin())
		require.ErrorIs(t, err, ports.ErrDecryptionFailed)
		assert.Equal(t, []fault.Detail{{Name: "id", Value: int64(view.ID)}, {Name: "version", Value: int64(1)}}, fault.Of(err).Details())
		assert.Equal(t, configuration.Version(2), b.updated(t, view.ID, "new").Version)
		_, err = b.encrypt(t, view.ID, false)
		require.ErrorIs(t, err, ports.ErrDecryptionFailed)
	})
}
