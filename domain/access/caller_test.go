package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func TestRequireAnywhere(t *testing.T) {
	t.Parallel()
	named := access.Caller{Actor: scope.Actor{KeyID: "a", Name: "b"}, Grants: []access.Grant{
		access.Allow(access.ReadFlag), access.Allow(access.WriteService),
	}}
	require.NoError(t, named.RequireAnywhere(access.WriteService))
	require.ErrorIs(t, named.RequireAnywhere(access.WriteFlag), access.ErrForbidden)
	require.ErrorIs(t, access.Caller{}.RequireAnywhere(access.ReadFlag), access.ErrUnauthenticated)
	require.NoError(t, access.Caller{Grants: access.ReadOnly()}.RequireAnywhere(access.ReadFlag))
}
