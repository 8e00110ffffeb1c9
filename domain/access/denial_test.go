package access_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// TestDenials finds in errors what they have denied.
func TestDenials(t *testing.T) {
	t.Parallel()
	production := access.Resource{Environment: environment(t, "production"), Name: "n"}
	staging := access.Grant{Role: access.RoleReader, Area: scope.Area{Environments: []scope.Environment{environment(t, "staging")}}}
	reader := access.Caller{Actor: scope.Actor{KeyID: "r", Name: "reader"}, Grants: access.Expand([]access.Grant{staging})}
	absent := fault.New(fault.NotFound, "absent", "absent")
	for name, row := range map[string]struct {
		err    error
		is     error
		action access.Action
		of     access.Resource
	}{
		"anonymous": {
			access.Caller{}.Require(access.WriteFlag, production), access.ErrUnauthenticated, access.WriteFlag, production,
		},
		"forbidden":        {reader.Require(access.WriteFlag, production), access.ErrForbidden, access.WriteFlag, production},
		"out of scope":     {reader.RequireSight(access.ReadFlag, production, absent), access.ErrOutOfScope, access.ReadFlag, production},
		"somewhere":        {reader.RequireAnywhere(access.WriteFlag), access.ErrForbidden, access.WriteFlag, access.Resource{}},
		"hidden":           {access.Hidden(absent), access.ErrOutOfScope, "", access.Resource{}},
		"something else":   {fault.ErrInvalid, fault.ErrInvalid, "", access.Resource{}},
		"nothing":          {nil, nil, "", access.Resource{}},
		"a plain error":    {errors.ErrUnsupported, errors.ErrUnsupported, "", access.Resource{}},
		"a prefix of none": {prefixes(reader), access.ErrForbidden, access.EvaluateFlag, access.Resource{Environment: production.Environment}},
	} {
		require.ErrorIs(t, row.err, row.is, name)
		denied := access.DenialOf(row.err)
		assert.Equal(t, row.action, denied.Action, name)
		assert.Equal(t, row.of, denied.Resource, name)
	}
	require.NotErrorIs(t, reader.Require(access.WriteFlag, production), access.ErrOutOfScope, "it hides nothing")
	assert.NotContains(t, reader.Require(access.WriteFlag, production).Error(), "production")
}

func prefixes(c access.Caller) error {
	production, _ := scope.ParseEnvironment("production")
	_, err := c.Prefixes(access.EvaluateFlag, production)
	return err
}
