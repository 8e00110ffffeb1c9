package access_test

import (
	"fmt"
	"slices"
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

const pepper = "0123456789abcdef0123456789abcdef"

func noon() time.Time { return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) }

func token(t *testing.T) access.Token {
	t.Helper()
	made, err := access.NewToken("4fT0aQ9z", strings.Repeat("aZ09", 8))
	require.NoError(t, err)
	return made
}

func key(t *testing.T, a access.KeyAttributes) *access.APIKey {
	t.Helper()
	a.Name, a.Created = "deploy", noon()
	if a.Grants == nil {
		a.Grants = granted(access.RoleAdmin)
	}
	k, err := access.NewAPIKey(token(t), secret.New(pepper), a)
	require.NoError(t, err)
	return k
}

func granted(r access.Role) []access.Grant { return []access.Grant{{Role: r}} }

func in(environments ...scope.Environment) scope.Area { return scope.Area{Environments: environments} }

func TestToken(t *testing.T) {
	t.Parallel()

	t.Run("the text is prefix, id, secret and the CRC-32 of these in base62", func(t *testing.T) {
		t.Parallel()
		text := token(t).Text().Reveal()
		assert.Len(t, text, 4+8+1+32+6)
		// crc32 of "sbx_4fT0aQ9z_aZ09aZ09aZ09aZ09aZ09aZ09aZ09aZ09" by zlib, in base62
		assert.Equal(t, "sbx_4fT0aQ9z_aZ09aZ09aZ09aZ09aZ09aZ09aZ09aZ09"+"2Siegk", text)
		parsed, err := access.ParseToken(text)
		require.NoError(t, err)
		assert.Equal(t, token(t), parsed)
		assert.Equal(t, "4fT0aQ9z", parsed.KeyID())
	})

	t.Run("a token with any byte changed, or shortened, is refused", func(t *testing.T) {
		t.Parallel()
		text := token(t).Text().Reveal()
		for i := range text {
			changed := []byte(text)
			changed[i] ^= 1
			_, err := access.ParseToken(string(changed))
			require.ErrorIs(t, err, access.ErrInvalidKey, "byte %d", i)
			_, err = access.ParseToken(text[:i])
			require.ErrorIs(t, err, access.ErrInvalidKey)
		}
	})

	t.Run("no text panics, and a parsed token prints as it was", rapid.MakeCheck(func(r *rapid.T) {
		text := rapid.String().Draw(r, "text")
		if parsed, err := access.ParseToken(text); err == nil {
			assert.Equal(r, text, parsed.Text().Reveal())
		}
	}))

	t.Run("a printed token shows nothing of its secret", func(t *testing.T) {
		t.Parallel()
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			assert.NotContains(t, fmt.Sprintf(verb, token(t)), "aZ09")
		}
	})

	t.Run("parts of other lengths or digits make no token", func(t *testing.T) {
		t.Parallel()
		for _, parts := range [][2]string{{"short", strings.Repeat("a", 32)}, {"4fT0aQ9z", "short"}, {"4fT0aQ9!", strings.Repeat("a", 32)}} {
			_, err := access.NewToken(parts[0], parts[1])
			require.ErrorIs(t, err, access.ErrInvalidKey)
		}
	})
}

func TestKeyLife(t *testing.T) {
	t.Parallel()

	t.Run("a key opens for its own token, under its own pepper", func(t *testing.T) {
		t.Parallel()
		k := key(t, access.KeyAttributes{})
		assert.True(t, k.Opens(token(t), secret.New(pepper), noon()))
		assert.False(t, k.Opens(token(t), secret.New("another"), noon()))
		other, err := access.NewToken("4fT0aQ9z", strings.Repeat("b", 32))
		require.NoError(t, err)
		assert.False(t, k.Opens(other, secret.New(pepper), noon()))
		digest, previous := k.Digests()
		assert.NotContains(t, string(digest), "aZ09")
		assert.Nil(t, previous)
	})

	t.Run("a key expires at that instant", func(t *testing.T) {
		t.Parallel()
		k := key(t, access.KeyAttributes{Expires: noon().Add(time.Hour)})
		assert.True(t, k.ValidAt(noon().Add(time.Hour-time.Microsecond)))
		assert.False(t, k.ValidAt(noon().Add(time.Hour)))
	})

	t.Run("a revoked key is invalid, and keeps its first time", func(t *testing.T) {
		t.Parallel()
		k := key(t, access.KeyAttributes{})
		k.Revoke(noon().Add(time.Minute))
		k.Revoke(noon().Add(time.Hour))
		assert.False(t, k.ValidAt(noon()))
		assert.Equal(t, noon().Add(time.Minute), k.Attributes().Revoked)
	})

	t.Run("every wrong attribute is named", func(t *testing.T) {
		t.Parallel()
		_, err := access.NewAPIKey(token(t), secret.New(pepper), access.KeyAttributes{
			Name: " padded", Grants: granted(9), Created: noon(), Expires: noon(),
		})
		require.ErrorIs(t, err, fault.ErrInvalid)
		var names []string
		for _, f := range fault.Of(err).Fields() {
			names = append(names, f.Name)
		}
		assert.Equal(t, []string{"name", "grants[0].role", "expires_at"}, names)
		for _, name := range []string{"", strings.Repeat("n", 101), "a\nb", "\xff"} {
			_, err := access.NewAPIKey(token(t), secret.New(pepper), access.KeyAttributes{Name: name, Grants: granted(access.RoleAdmin), Created: noon()})
			require.ErrorIs(t, err, fault.ErrInvalid, "%q", name)
		}
	})
}

func TestAddedActions(t *testing.T) {
	t.Parallel()
	added := []access.Added{{Action: "note.read", Reader: true}, {Action: "note.write"}}
	reader := key(t, access.KeyAttributes{Grants: granted(access.RoleReader)}).Grants(added...)
	assert.True(t, access.Decide(reader, "note.read", access.Resource{}).Allowed)
	assert.False(t, access.Decide(reader, "note.write", access.Resource{}).Allowed)
	assert.True(t, access.Decide(access.Unrestricted(added...), "note.write", access.Resource{}).Allowed)
	assert.False(t, access.Decide(access.Unrestricted(), "note.write", access.Resource{}).Allowed)
}

func TestDecide(t *testing.T) {
	t.Parallel()
	all := []access.Action{
		access.ReadConfiguration, access.WriteConfiguration, access.RevealConfiguration, access.DeclassifyConfiguration,
		access.ReadFlag, access.EvaluateFlag, access.WriteFlag, access.ReadService, access.WriteService, access.RenewLease,
		access.ManageKeys,
	}
	reads := []access.Action{access.ReadConfiguration, access.ReadFlag, access.EvaluateFlag, access.ReadService}
	rows := []struct {
		name   string
		grants []access.Grant
		may    []access.Action
	}{
		{name: "no grant allows nothing"},
		{name: "a reader reads", grants: key(t, access.KeyAttributes{Grants: granted(access.RoleReader)}).Grants(), may: reads},
		{
			name:   "a reader who may reveal reads and reveals",
			grants: key(t, access.KeyAttributes{Grants: []access.Grant{{Role: access.RoleReader, Reveal: true}}}).Grants(),
			may:    append(slices.Clone(reads), access.RevealConfiguration),
		},
		{
			name:   "a service reads, and writes to the registry",
			grants: key(t, access.KeyAttributes{Grants: granted(access.RoleService)}).Grants(),
			may:    append(slices.Clone(reads), access.WriteService, access.RenewLease),
		},
		{
			name:   "an editor reads, and writes configurations and flags",
			grants: key(t, access.KeyAttributes{Grants: granted(access.RoleEditor)}).Grants(),
			may:    append(slices.Clone(reads), access.WriteConfiguration, access.WriteFlag),
		},
		{
			name: "an editor that may reveal also turns encryption off",
			grants: key(t, access.KeyAttributes{
				Grants: []access.Grant{{Role: access.RoleEditor, Reveal: true}},
			}).Grants(),
			may: append(slices.Clone(reads), access.WriteConfiguration, access.WriteFlag,
				access.RevealConfiguration, access.DeclassifyConfiguration),
		},
		{
			name:   "an operator does everything but to keys",
			grants: key(t, access.KeyAttributes{Grants: granted(access.RoleOperator)}).Grants(), may: all[:len(all)-1],
		},
		{name: "an admin does everything", grants: key(t, access.KeyAttributes{}).Grants(), may: all},
		{name: "unrestricted is everything", grants: access.Unrestricted(), may: all},
		{name: "read-only reads", grants: access.ReadOnly(), may: reads},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, action := range all {
				assert.Equal(t, slices.Contains(row.may, action), access.Decide(row.grants, action, access.Resource{}).Allowed, action)
			}
			assert.False(t, access.Decide(row.grants, "unheard of", access.Resource{}).Allowed)
		})
	}
}

func TestRequire(t *testing.T) {
	t.Parallel()
	anonymous := access.Caller{Grants: access.ReadOnly()}
	reader := access.Caller{Actor: scope.Actor{KeyID: "r", Name: "reader"}, Grants: access.ReadOnly()}
	require.NoError(t, anonymous.Require(access.ReadConfiguration, access.Resource{}))
	require.ErrorIs(t, anonymous.Require(access.WriteConfiguration, access.Resource{}), access.ErrUnauthenticated)
	require.ErrorIs(t, reader.Require(access.WriteConfiguration, access.Resource{}), access.ErrForbidden)
}

func environment(t *testing.T, name string) scope.Environment {
	t.Helper()
	e, err := scope.ParseEnvironment(name)
	require.NoError(t, err)
	return e
}

func TestEvaluator(t *testing.T) {
	t.Parallel()
	production := environment(t, "production")

	t.Run("it evaluates flags of its environment, and does nothing else anywhere", func(t *testing.T) {
		t.Parallel()
		grants := key(t, access.KeyAttributes{
			Grants: []access.Grant{{Role: access.RoleEvaluator, Area: in(production)}},
		}).Grants()
		for _, action := range []access.Action{
			access.ReadConfiguration, access.WriteConfiguration, access.RevealConfiguration, access.DeclassifyConfiguration,
			access.ReadFlag, access.EvaluateFlag, access.WriteFlag, access.ReadService, access.WriteService,
		} {
			own := access.Decide(grants, action, access.Resource{Environment: production}).Allowed
			assert.Equal(t, action == access.EvaluateFlag, own, action)
			assert.False(t, access.Decide(grants, action, access.Resource{Environment: environment(t, "staging")}).Allowed, action)
			assert.False(t, access.Decide(grants, action, access.Resource{}).Allowed, action)
		}
	})

	t.Run("it reveals nothing", func(t *testing.T) {
		t.Parallel()
		_, err := access.NewAPIKey(token(t), secret.New(pepper), access.KeyAttributes{
			Name: "web", Created: noon(), Grants: []access.Grant{{Role: access.RoleEvaluator, Reveal: true}},
		})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.Len(t, fault.Of(err).Fields(), 1)
		assert.Equal(t, "grants[0].reveal", fault.Of(err).Fields()[0].Name)
	})

	t.Run("a damaged key is allowed nothing", func(t *testing.T) {
		t.Parallel()
		damaged := access.RehydrateAPIKey(access.KeyAttributes{Grants: granted(access.RoleAdmin), Damaged: true}, nil, nil)
		assert.Empty(t, damaged.Grants())
		assert.False(t, damaged.ValidAt(noon()))
	})
}

// verdicts return what a test sets, and count calls.
type verdicts struct {
	err       error
	requested int
}

func (v *verdicts) Confirm(access.Ending) error {
	v.requested++
	return v.err
}

func TestConfirmation(t *testing.T) {
	t.Parallel()
	confirmed := map[access.Action]bool{
		access.ReadConfiguration: false, access.ReadFlag: false, access.EvaluateFlag: false, access.ReadService: false,
		access.ReadHealth:         false,
		access.WriteConfiguration: true, access.RevealConfiguration: true, access.DeclassifyConfiguration: true,
		access.WriteFlag: true, access.WriteService: true, access.RenewLease: true, access.ManageKeys: true,
		access.ReadAudit: false, access.ManageEncryption: true,
	}
	for action, needed := range confirmed {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			for _, failure := range []error{nil, access.ErrUnconfirmed, access.ErrInvalidKey} {
				v := &verdicts{err: failure}
				caller := access.Caller{Actor: scope.Actor{KeyID: "k"}, Grants: access.Unrestricted(), Verdict: v}
				err := caller.Require(action, access.Resource{})
				if !needed {
					require.NoError(t, err)
					assert.Zero(t, v.requested, "reads do not wait")
					continue
				}
				require.ErrorIs(t, err, failure)
				assert.Equal(t, failure == nil, caller.May(action, access.Resource{}))
				require.NoError(t, caller.RequireRight(action, access.Resource{}))
				assert.Equal(t, 2, v.requested)
			}
		})
	}

	t.Run("a caller without the right is rejected without a look-up", func(t *testing.T) {
		t.Parallel()
		v := &verdicts{err: access.ErrUnconfirmed}
		caller := access.Caller{Actor: scope.Actor{KeyID: "k"}, Grants: access.ReadOnly(), Verdict: v}
		require.ErrorIs(t, caller.Require(access.WriteFlag, access.Resource{}), access.ErrForbidden)
		assert.Zero(t, v.requested)
	})
}

func TestRole(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"admin", "operator", "editor", "reader", "service", "evaluator"} {
		role, err := access.ParseRole(name)
		require.NoError(t, err)
		assert.Equal(t, name, role.String())
	}
	_, err := access.ParseRole("root")
	require.ErrorIs(t, err, fault.ErrInvalid)
	assert.Equal(t, "none", access.Role(0).String())
	assert.Nil(t, access.Expand([]access.Grant{{}})[0].Area.Environments)
}

func TestKeyTimesAreAsStored(t *testing.T) {
	t.Parallel()
	token, err := access.NewToken("abcdefgh", strings.Repeat("s", access.SecretLength))
	require.NoError(t, err)
	created := time.Date(2026, time.November, 26, 0, 0, 0, 1_500, time.UTC)
	attributes := access.KeyAttributes{Name: "n", Grants: granted(access.RoleAdmin), Created: created}
	attributes.Expires = created.Add(time.Nanosecond)
	_, err = access.NewAPIKey(token, secret.New("pepper"), attributes)
	require.ErrorIs(t, err, fault.ErrInvalid, "the end is not after the beginning once it is stored")
	attributes.Expires = created.Add(time.Microsecond)
	key, err := access.NewAPIKey(token, secret.New("pepper"), attributes)
	require.NoError(t, err)
	require.Zero(t, key.Attributes().Created.Nanosecond()%1000)
	require.Zero(t, key.Attributes().Expires.Nanosecond()%1000)
}
