package access_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

func service(t *testing.T, name string) scope.ServiceName {
	t.Helper()
	s, err := scope.ParseServiceName(name)
	require.NoError(t, err)
	return s
}

func TestDecideInAreas(t *testing.T) {
	t.Parallel()
	production, staging := environment(t, "production"), environment(t, "staging")
	shop, billing := service(t, "shop"), service(t, "billing")
	grants := access.Expand([]access.Grant{
		{Role: access.RoleEditor, Area: scope.Area{
			Environments: []scope.Environment{staging}, Services: []scope.ServiceName{shop},
		}},
		{Role: access.RoleReader, Area: scope.Area{Prefixes: []string{"ui.", "api."}}},
	})
	rows := []struct {
		action   access.Action
		resource access.Resource
		want     access.Decision
	}{
		{
			access.WriteConfiguration,
			access.Resource{Environment: staging, Service: shop, Name: "db.url"},
			access.Decision{Allowed: true, Grant: 0, Reason: access.Granted},
		},
		{
			access.WriteConfiguration,
			access.Resource{Environment: production, Service: shop, Name: "ui.color"},
			access.Decision{Grant: -1, Reason: access.OutOfScope},
		},
		{
			access.WriteConfiguration,
			access.Resource{Environment: staging, Service: billing, Name: "ui.color"},
			access.Decision{Grant: -1, Reason: access.OutOfScope},
		},
		{
			access.ReadConfiguration,
			access.Resource{Environment: production, Service: billing, Name: "ui.color"},
			access.Decision{Allowed: true, Grant: 1, Reason: access.Granted},
		},
		{ // no flag belongs to a service
			access.WriteFlag,
			access.Resource{Environment: staging, Name: "ui.new"},
			access.Decision{Grant: -1, Reason: access.OutOfScope},
		},
		{access.WriteService, access.Resource{Service: shop}, access.Decision{Grant: -1, Reason: access.NotGranted}},
		{access.ReadConfiguration, access.Resource{}, access.Decision{Grant: -1, Reason: access.OutOfScope}},
	}
	for i, row := range rows {
		assert.Equal(t, row.want, access.Decide(grants, row.action, row.resource), "row %d", i)
	}
}

func TestSight(t *testing.T) {
	t.Parallel()
	absent := fault.New(fault.NotFound, "absent", "absent")
	production := environment(t, "production")
	caller := access.Caller{
		Actor:  scope.Actor{KeyID: "a"},
		Grants: access.Expand([]access.Grant{{Role: access.RoleReader, Area: in(production)}}),
	}
	require.NoError(t, caller.RequireSight(access.ReadFlag, access.Resource{Environment: production}, absent))
	require.ErrorIs(t, caller.RequireSight(access.ReadFlag, access.Resource{}, absent), absent)
	require.ErrorIs(t, caller.RequireSight(access.WriteFlag, access.Resource{}, absent), access.ErrForbidden)
	areas, err := caller.Areas(access.ReadFlag)
	require.NoError(t, err)
	assert.Equal(t, []scope.Area{in(production)}, areas)
	_, err = caller.Areas(access.WriteFlag)
	require.ErrorIs(t, err, access.ErrForbidden)
	everything, err := access.Caller{Grants: access.Unrestricted()}.Areas(access.WriteFlag)
	require.NoError(t, err)
	assert.Nil(t, everything)
}

// drawGrants draws grants over few names, so that they meet.
func drawGrants(r *rapid.T, label string) []access.Grant {
	return rapid.SliceOfN(rapid.Custom(func(r *rapid.T) access.Grant {
		g := access.Grant{Role: rapid.SampledFrom(access.Roles()).Draw(r, "role"), Reveal: rapid.Bool().Draw(r, "reveal")}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"dev", "prod"}), 0, 2, rapid.ID).Draw(r, "e") {
			e, _ := scope.ParseEnvironment(name)
			g.Area.Environments = append(g.Area.Environments, e)
		}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"shop", "bill"}), 0, 2, rapid.ID).Draw(r, "s") {
			s, _ := scope.ParseServiceName(name)
			g.Area.Services = append(g.Area.Services, s)
		}
		g.Area.Prefixes = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "a.b", "c"}), 0, 2, rapid.ID).Draw(r, "p")
		return g
	}), 0, 3).Draw(r, label)
}

// TestCovers holds the promise of Covers: grants that are covered allow nothing more.
func TestCovers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		own, given := access.Expand(drawGrants(r, "own")), access.Expand(drawGrants(r, "given"))
		if !access.Covers(own, given) {
			return
		}
		for _, e := range []string{"dev", "prod", ""} {
			for _, s := range []string{"shop", "bill", ""} {
				for _, name := range []string{"a", "a.b.c", "c", ""} {
					resource := access.Resource{Name: name}
					resource.Environment, _ = scope.ParseEnvironment(e)
					resource.Service, _ = scope.ParseServiceName(s)
					for _, action := range access.AllActions() {
						if access.Decide(given, action, resource).Allowed {
							require.True(r, access.Decide(own, action, resource).Allowed, "%s %+v", action, resource)
						}
					}
				}
			}
		}
	})
	admin := access.Unrestricted()
	assert.True(t, access.Covers(admin, access.Expand(granted(access.RoleAdmin))))
	assert.False(t, access.Covers(access.Expand(granted(access.RoleOperator)), admin))
	assert.True(t, access.Covers(access.Expand(granted(access.RoleReader)), access.Expand(granted(access.RoleEvaluator))))
	assert.False(t, access.Covers(
		access.Expand(granted(access.RoleReader)), access.Expand([]access.Grant{{Role: access.RoleReader, Reveal: true}})))
}

func TestGrantBounds(t *testing.T) {
	t.Parallel()
	many := make([]string, scope.MaxAreaEntries+1)
	for i := range many {
		many[i] = fmt.Sprintf("p%d", i)
	}
	reader := func(a scope.Area) []access.Grant { return []access.Grant{{Role: access.RoleReader, Area: a}} }
	production := environment(t, "production")
	for name, row := range map[string]struct {
		grants []access.Grant
		field  string
	}{
		"no grant":             {nil, "grants"},
		"too many grants":      {make([]access.Grant, access.MaxGrants+1), "grants"},
		"no role":              {[]access.Grant{{}}, "grants[0].role"},
		"too many prefixes":    {reader(scope.Area{Prefixes: many}), "grants[0].prefixes"},
		"an empty prefix":      {reader(scope.Area{Prefixes: []string{""}}), "grants[0].prefixes"},
		"a prefix of no name":  {reader(scope.Area{Prefixes: []string{"a%"}}), "grants[0].prefixes"},
		"a prefix too long":    {reader(scope.Area{Prefixes: []string{strings.Repeat("a", 256)}}), "grants[0].prefixes"},
		"an environment twice": {reader(in(production, production)), "grants[0].environments"},
	} {
		a := access.KeyAttributes{Name: "n", Created: noon(), Grants: row.grants}
		_, err := access.NewAPIKey(token(t), secret.New(pepper), a)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		assert.Equal(t, row.field, fault.Of(err).Fields()[0].Name, name)
	}
}

type origin string

func (o origin) Address() netip.Addr {
	address, _ := netip.ParseAddr(string(o))
	return address
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.1.2.3": "10.1.2.3/32", "10.1.2.3/8": "10.0.0.0/8", "2001:db8::1/32": "2001:db8::/32",
		"::ffff:10.0.0.1": "10.0.0.1/32",
	} {
		network, err := access.ParseNetwork(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, network.String())
	}
	for _, text := range []string{"", "10.0.0", "10.0.0.0/33", "fe80::1%eth0", "host", "::ffff:10.0.0.0/104"} {
		_, err := access.ParseNetwork(text)
		require.ErrorIs(t, err, fault.ErrInvalid, text)
	}
	k := key(t, access.KeyAttributes{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	assert.True(t, k.AcceptedFrom(origin("10.9.9.9")))
	assert.True(t, k.AcceptedFrom(origin("::ffff:10.9.9.9")))
	assert.False(t, k.AcceptedFrom(origin("11.9.9.9")))
	assert.False(t, k.AcceptedFrom(origin("")), "an unknown address is in no network")
	assert.True(t, key(t, access.KeyAttributes{}).AcceptedFrom(nil))
	assert.False(t, k.UsableAdmin(noon()), "its network may be gone")
}

func TestKeyStatus(t *testing.T) {
	t.Parallel()
	k := key(t, access.KeyAttributes{NotBefore: noon().Add(time.Hour), Expires: noon().Add(30 * 24 * time.Hour)})
	a := k.Attributes()
	for _, row := range []struct {
		after time.Duration
		want  access.KeyStatus
	}{
		{0, access.KeyNotYet},
		{time.Hour, access.KeyActive},
		{16 * 24 * time.Hour, access.KeyExpiring},
		{30 * 24 * time.Hour, access.KeyExpired},
	} {
		assert.Equal(t, row.want, a.Status(noon().Add(row.after)), row.after)
	}
	k.Revoke(noon())
	a = k.Attributes()
	assert.Equal(t, access.KeyRevoked, a.Status(noon()))
	_, err := access.NewAPIKey(token(t), secret.New(pepper), access.KeyAttributes{
		Name: "n", Grants: granted(access.RoleReader), Created: noon(),
		NotBefore: noon().Add(2 * time.Hour), Expires: noon().Add(time.Hour),
	})
	require.ErrorIs(t, err, fault.ErrInvalid, "it ends before it begins")
}

func TestRotate(t *testing.T) {
	t.Parallel()
	k, open := key(t, access.KeyAttributes{}), secret.New(pepper)
	second, err := access.NewToken("4fT0aQ9z", strings.Repeat("b", access.SecretLength))
	require.NoError(t, err)
	former, latter := token(t).Mark(open), second.Mark(open)
	assert.True(t, k.HeldWith(former, noon()))
	assert.False(t, k.HeldWith("", noon()))
	require.NoError(t, k.Rotate(second, open, time.Hour, noon()))
	assert.True(t, k.Opens(second, open, noon()))
	assert.True(t, k.Opens(token(t), open, noon().Add(time.Hour-1)))
	assert.False(t, k.Opens(token(t), open, noon().Add(time.Hour)))
	assert.Equal(t, noon().Add(time.Hour), k.OpensUntil(token(t), open))
	assert.Zero(t, k.OpensUntil(second, open))
	stored := access.RehydrateAPIKey(k.Attributes(), first(k.Digests()), last(k.Digests()))
	for _, k := range []*access.APIKey{k, stored} {
		assert.True(t, k.HeldWith(former, noon().Add(time.Hour-1)), "sessions continue within the overlap")
		assert.False(t, k.HeldWith(former, noon().Add(time.Hour)), "and no longer")
		assert.True(t, k.HeldWith(latter, noon().Add(time.Hour)))
		assert.False(t, k.HeldWith("", noon()))
	}

	third, err := access.NewToken("4fT0aQ9z", strings.Repeat("c", access.SecretLength))
	require.NoError(t, err)
	err = k.Rotate(third, open, time.Hour, noon().Add(time.Hour-1))
	require.ErrorIs(t, err, access.ErrOverlapping, "the former secret would end unexpectedly")
	assert.Equal(t, []fault.Detail{{Name: "overlap_ends_at", Value: "2026-11-23T13:00:00Z"}}, fault.Of(err).Details())
	assert.True(t, k.Opens(token(t), open, noon()), "nothing has changed")
	require.NoError(t, stored.Rotate(third, open, time.Hour, noon().Add(time.Hour)), "it has ended")
	require.NoError(t, k.Rotate(third, open, 0, noon()))
	assert.False(t, k.Opens(second, open, noon()), "without an overlap one secret is valid")
	assert.False(t, k.Opens(token(t), open, noon()))
	assert.False(t, k.HeldWith(former, noon()))
	assert.False(t, k.HeldWith(latter, noon()))
	assert.True(t, k.HeldWith(third.Mark(open), noon()))
	other, err := access.NewToken("otherkey", strings.Repeat("c", access.SecretLength))
	require.NoError(t, err)
	require.ErrorIs(t, k.Rotate(other, open, 0, noon()), access.ErrInvalidKey)
	require.ErrorIs(t, k.Rotate(third, open, access.MaxOverlap+1, noon()), fault.ErrInvalid)
	require.ErrorIs(t, k.Rotate(third, open, -1, noon()), fault.ErrInvalid)
	k.Revoke(noon())
	require.ErrorIs(t, k.Rotate(third, open, 0, noon()), access.ErrKeyRevoked)
	require.ErrorIs(t, k.Amend(access.Amendment{}, noon()), access.ErrKeyRevoked)
}

func first(a, _ []byte) []byte { return a }

func last(_, b []byte) []byte { return b }

func TestAmend(t *testing.T) {
	t.Parallel()
	k := key(t, access.KeyAttributes{Expires: noon().Add(time.Hour)})
	was := key(t, access.KeyAttributes{Expires: noon().Add(time.Hour)})
	require.NoError(t, k.Amend(access.Amendment{}, noon().Add(2*time.Hour)), "an expired key can be amended")
	assert.Equal(t, was.Attributes(), k.Attributes())
	require.ErrorIs(t, k.Amend(access.Amendment{Expires: new(noon())}, noon()), fault.ErrInvalid)
	require.ErrorIs(t, k.Amend(access.Amendment{Grants: []access.Grant{}}, noon()), fault.ErrInvalid)
	require.ErrorIs(t, k.Amend(access.Amendment{Labels: &map[string]string{"": ""}}, noon()), fault.ErrInvalid)
	assert.Equal(t, was.Attributes(), k.Attributes(), "a change that fails changes nothing")
	require.NoError(t, k.Amend(access.Amendment{
		Name: new("web"), Grants: granted(access.RoleReader), Expires: new(time.Time{}),
		Labels: &map[string]string{"team": "web"},
	}, noon()))
	assert.Equal(t, "web", k.Attributes().Name)
	assert.True(t, k.Attributes().Expires.IsZero())
	assert.False(t, k.SameRights(was))
}
