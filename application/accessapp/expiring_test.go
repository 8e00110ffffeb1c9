package accessapp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestExpiringKeysAreReported(t *testing.T) {
	t.Parallel()
	b := managed(t)
	b.issued(t, accessapp.Issue{Name: "forever", Grants: roles("reader"), Forever: true})
	b.issued(t, accessapp.Issue{Name: "long", Grants: roles("reader")})
	_, soon := b.issued(t, accessapp.Issue{Name: "soon", Grants: roles("reader"), Lifetime: access.ExpiryWarning})
	_, gone := b.issued(t, accessapp.Issue{Name: "gone", Grants: roles("reader"), Lifetime: time.Hour})
	require.NoError(t, b.Revoke(t.Context(), fixture.Operator(), gone.ID, false))
	assert.Empty(t, b.Conditions())

	find := func(want int) {
		t.Helper()
		found, err := b.FindExpiring(t.Context())
		require.NoError(t, err)
		assert.Len(t, found, want)
	}
	find(1)
	find(0) // it was returned
	require.Len(t, b.Conditions(), 1)
	assert.Equal(t, int64(1), b.Conditions()[0].Count)
	b.clock.Move(24 * time.Hour)
	find(1)
	_, err := b.Amend(t.Context(), fixture.Operator(), accessapp.Amend{ID: soon.ID, Expires: new(time.Time{})})
	require.NoError(t, err)
	find(0)
	assert.Empty(t, b.Conditions())
}
