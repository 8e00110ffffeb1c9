package accessapp_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// BenchmarkAuthenticate authenticates a cached key and decides on a resource, as each read
// does. It allocates nothing.
func BenchmarkAuthenticate(b *testing.B) {
	service := accessapp.New(accessapp.Dependencies{
		Keys: fixture.NewKeys(), Clock: fixture.NewClock(), IDs: fixture.NewIDs(), Policy: accessapp.Policy{Enabled: true},
	})
	grants := []accessapp.Grant{{Role: "reader", Services: []string{"shop", "billing"}}, {Role: "evaluator", Environments: []string{"*"}}}
	issued, err := service.Issue(b.Context(), fixture.Operator(), accessapp.Issue{Name: "bench", Grants: grants})
	require.NoError(b, err)
	token, resource := strings.Clone(issued.Token.Reveal()), access.Resource{Name: "database.url"}
	resource.Environment, err = scope.ParseEnvironment("production")
	require.NoError(b, err)
	resource.Service, err = scope.ParseServiceName("shop")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		caller, err := service.Authenticate(context.Background(), token, nil)
		if err != nil || caller.RequireSight(access.ReadConfiguration, resource, access.ErrKeyNotFound) != nil {
			b.Fatal(err)
		}
	}
}
