package access_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/domain/access"
)

func TestDirectIDs(t *testing.T) {
	t.Parallel()
	id := access.DirectID("header.claims.c2ln")
	assert.True(t, access.IsDirectID(id))
	assert.Equal(t, id, access.DirectID("header.claims.c2lo"), "the signature can have several forms")
	assert.NotEqual(t, id, access.DirectID("header.others.c2ln"))
	assert.True(t, access.IsDirectID(access.DirectID("")))
}
