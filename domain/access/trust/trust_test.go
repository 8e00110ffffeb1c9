package trust_test

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

func issuer() trust.Issuer {
	return trust.Issuer{
		ID: "iiiiiiii", Name: "ci", URL: "https://ci.example.com", Audiences: []string{"signalbox"},
		Algorithms: trust.DefaultAlgorithms(), Skew: trust.DefaultSkew,
	}
}

func binding() trust.Binding {
	return trust.Binding{
		ID: "bbbbbbbb", Name: "shop", IssuerID: "iiiiiiii", Subjects: []string{"repo:acme/shop:*"},
		Grants: []access.Grant{{Role: access.RoleReader}}, TTL: trust.DefaultTTL,
	}
}

func claims(t *testing.T, subject, text string) trust.Claims {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	c := trust.Claims{Subject: subject}
	require.NoError(t, decoder.Decode(&c.All))
	return c
}

func TestIssuersThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	const set = `{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}`
	for name, row := range map[string]struct {
		field string
		edit  func(*trust.Issuer)
	}{
		"no name":               {"name", func(i *trust.Issuer) { i.Name = "" }},
		"a name in blanks":      {"name", func(i *trust.Issuer) { i.Name = " ci" }},
		"no URL":                {"issuer", func(i *trust.Issuer) { i.URL = "" }},
		"a relative URL":        {"issuer", func(i *trust.Issuer) { i.URL = "ci" }},
		"no TLS":                {"issuer", func(i *trust.Issuer) { i.URL = "http://ci.example.com" }},
		"a link-local address":  {"issuer", func(i *trust.Issuer) { i.URL = "https://169.254.169.254" }},
		"the same, mapped":      {"issuer", func(i *trust.Issuer) { i.URL = "https://[::ffff:169.254.169.254]" }},
		"credentials":           {"issuer", func(i *trust.Issuer) { i.URL = "https://a:b@ci.example.com" }},
		"a query":               {"issuer", func(i *trust.Issuer) { i.URL = "https://ci.example.com?a" }},
		"a file":                {"issuer", func(i *trust.Issuer) { i.URL = "file:///etc/passwd" }},
		"a long URL":            {"issuer", func(i *trust.Issuer) { i.URL += "/" + strings.Repeat("x", 500) }},
		"no audience":           {"audiences", func(i *trust.Issuer) { i.Audiences = nil }},
		"an empty audience":     {"audiences", func(i *trust.Issuer) { i.Audiences = []string{""} }},
		"no algorithm":          {"algorithms", func(i *trust.Issuer) { i.Algorithms = nil }},
		"none":                  {"algorithms", func(i *trust.Issuer) { i.Algorithms = []string{"none"} }},
		"HMAC":                  {"algorithms", func(i *trust.Issuer) { i.Algorithms = []string{"RS256", "HS256"} }},
		"a wide tolerance":      {"clock_skew_seconds", func(i *trust.Issuer) { i.Skew = trust.MaxSkew + time.Second }},
		"no tolerance but less": {"clock_skew_seconds", func(i *trust.Issuer) { i.Skew = -time.Second }},
		"no JSON":               {"jwks", func(i *trust.Issuer) { i.KeySet = "keys" }},
		"no keys":               {"jwks", func(i *trust.Issuer) { i.KeySet = `{"keys": []}` }},
		"a symmetric key":       {"jwks", func(i *trust.Issuer) { i.KeySet = `{"keys": [{"kty": "oct", "k": "AA"}]}` }},
		"a private key":         {"jwks", func(i *trust.Issuer) { i.KeySet = strings.Replace(set, `"x"`, `"d": "AA", "x"`, 1) }},
		"a key of no kind":      {"jwks", func(i *trust.Issuer) { i.KeySet = `{"keys": [{}]}` }},
		"too many keys": {"jwks", func(i *trust.Issuer) {
			i.KeySet = `{"keys": [` + strings.Repeat(`{"kty": "EC"},`, trust.MaxKeys) + `{"kty": "EC"}]}`
		}},
	} {
		i := issuer()
		row.edit(&i)
		err := new(trust.Policy).SetIssuer(i)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		assert.Equal(t, row.field, fault.Of(err).Fields()[0].Name, name)
	}
	for name, edit := range map[string]func(*trust.Issuer){
		"as it is":              func(*trust.Issuer) {},
		"loopback without TLS":  func(i *trust.Issuer) { i.URL = "http://127.0.0.1:8080/realms/a" },
		"a key set, and no URL": func(i *trust.Issuer) { i.KeySet, i.URL = set, "kubernetes/serviceaccount" },
		"no tolerance":          func(i *trust.Issuer) { i.Skew = 0 },
	} {
		i := issuer()
		edit(&i)
		require.NoError(t, new(trust.Policy).SetIssuer(i), name)
	}
}

func TestBindingsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		field string
		edit  func(*trust.Binding)
	}{
		"no subject":    {"subjects", func(b *trust.Binding) { b.Subjects = nil }},
		"every subject": {"subjects", func(b *trust.Binding) { b.Subjects = []string{"repo:*", "**"} }},
		"and any claim": {"subjects", func(b *trust.Binding) { b.Subjects, b.Claims = []string{"*"}, map[string][]string{"/a": {"x", "*"}} }},
		"punctuation":   {"subjects", func(b *trust.Binding) { b.Subjects = []string{"*:*"} }},
		"and the issuer": {"subjects", func(b *trust.Binding) {
			b.Subjects, b.Claims = []string{"*"}, map[string][]string{"/iss": {"https://id.example.com"}, "/aud/0": {"signalbox"}}
		}},
		"a name of a claim":   {"claims", func(b *trust.Binding) { b.Claims = map[string][]string{"repository": {"x"}} }},
		"all claims":          {"claims", func(b *trust.Binding) { b.Claims = map[string][]string{"/": {"x"}} }},
		"a broken escape":     {"claims", func(b *trust.Binding) { b.Claims = map[string][]string{"/a~2": {"x"}} }},
		"an open escape":      {"claims", func(b *trust.Binding) { b.Claims = map[string][]string{"/a~": {"x"}} }},
		"a claim without any": {"claims", func(b *trust.Binding) { b.Claims = map[string][]string{"/a": {}} }},
		"long claims": {"claims", func(b *trust.Binding) {
			b.Claims = map[string][]string{"/a": slices.Repeat([]string{strings.Repeat("x", 500)}, 17)}
		}},
		"no grant":     {"grants", func(b *trust.Binding) { b.Grants = nil }},
		"a short time": {"ttl_seconds", func(b *trust.Binding) { b.TTL = time.Second }},
		"a long time":  {"ttl_seconds", func(b *trust.Binding) { b.TTL = trust.MaxTTL + time.Second }},
	} {
		p := trust.Policy{Issuers: []trust.Issuer{issuer()}}
		b := binding()
		row.edit(&b)
		err := p.SetBinding(b)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		assert.Equal(t, row.field, fault.Of(err).Fields()[0].Name, name)
	}
	p := trust.Policy{Issuers: []trust.Issuer{issuer()}}
	b := binding()
	b.Subjects, b.Claims = []string{"*"}, map[string][]string{"/repository": {"acme/*"}}
	require.NoError(t, p.SetBinding(b), "every subject of a repository")
}

func TestMatches(t *testing.T) {
	t.Parallel()
	const text = `{"repository": "acme/shop", "groups": ["a", "ops"], "number": 17, "yes": true, "none": null,
		"kubernetes.io": {"namespace": "shop", "pod/name": "x~y"}}`
	for name, row := range map[string]struct {
		claims map[string][]string
		want   bool
	}{
		"none bound":                  {nil, true},
		"a text":                      {map[string][]string{"/repository": {"acme/*"}}, true},
		"another text":                {map[string][]string{"/repository": {"acme/other", "evil/*"}}, false},
		"one of a list":               {map[string][]string{"/groups": {"ops"}}, true},
		"an element":                  {map[string][]string{"/groups/1": {"ops"}}, true},
		"no element":                  {map[string][]string{"/groups/01": {"ops"}}, false},
		"a number":                    {map[string][]string{"/number": {"17"}}, true},
		"a truth value":               {map[string][]string{"/yes": {"true"}}, true},
		"null":                        {map[string][]string{"/none": {"*"}}, false},
		"an object":                   {map[string][]string{"/kubernetes.io": {"*"}}, false},
		"an absent one":               {map[string][]string{"/absent": {"*"}}, false},
		"below an absent one":         {map[string][]string{"/absent/x": {"*"}}, false},
		"within an object":            {map[string][]string{"/kubernetes.io/namespace": {"shop"}}, true},
		"escaped":                     {map[string][]string{"/kubernetes.io/pod~1name": {"x~y"}}, true},
		"all have to match":           {map[string][]string{"/repository": {"acme/*"}, "/number": {"18"}}, false},
		"a claim is matched in whole": {map[string][]string{"/repository": {"acme"}}, false},
	} {
		b := binding()
		b.Claims = row.claims
		assert.Equal(t, row.want, b.Matches(claims(t, "repo:acme/shop:ref", text)), name)
		assert.False(t, b.Matches(claims(t, "repo:acme/shopping", text)), name)
	}
}

// TestGlobs compares globs with regular expressions.
func TestGlobs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		glob := rapid.StringMatching(`[ab*]{1,8}`).Draw(t, "glob")
		text := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "text")
		b := binding()
		b.Subjects = []string{glob}
		want := regexp.MustCompile("^" + strings.ReplaceAll(glob, "*", ".*") + "$").MatchString(text)
		if got := b.Matches(trust.Claims{Subject: text}); got != want {
			t.Fatalf("%q matches %q: %t", glob, text, got)
		}
	})
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	var p trust.Policy
	require.ErrorIs(t, p.SetBinding(binding()), trust.ErrIssuerNotFound)
	require.NoError(t, p.SetIssuer(issuer()))
	require.NoError(t, p.SetBinding(binding()))
	same := issuer()
	same.ID = "other000"
	require.ErrorIs(t, p.SetIssuer(same), trust.ErrTaken)
	same.Name = "another"
	require.ErrorIs(t, p.SetIssuer(same), trust.ErrTaken, "the URL")
	twice := binding()
	twice.ID = "other000"
	require.ErrorIs(t, p.SetBinding(twice), trust.ErrTaken)
	require.ErrorIs(t, p.RemoveIssuer("iiiiiiii"), trust.ErrIssuerInUse)
	require.ErrorIs(t, p.RemoveIssuer("unknown0"), trust.ErrIssuerNotFound)
	require.ErrorIs(t, p.RemoveBinding("unknown0"), trust.ErrBindingNotFound)
	assert.Len(t, p.Matching(issuer(), trust.Claims{Subject: "repo:acme/shop:ref"}), 1)
	assert.Empty(t, p.Matching(issuer(), trust.Claims{Subject: "repo:evil/shop:ref"}))
	assert.Empty(t, p.Matching(trust.Issuer{ID: "other000"}, trust.Claims{Subject: "repo:acme/shop:ref"}))
	require.NoError(t, p.RemoveBinding("bbbbbbbb"))
	require.NoError(t, p.RemoveIssuer("iiiiiiii"))

	for n := range trust.MaxIssuers {
		one := issuer()
		one.ID, one.Name, one.URL = strconv.Itoa(n), strconv.Itoa(n), "https://ci.example.com/"+strconv.Itoa(n)
		require.NoError(t, p.SetIssuer(one))
	}
	require.ErrorIs(t, p.SetIssuer(issuer()), trust.ErrTooMany)
	replaced := p.Issuers[0]
	replaced.Direct = true
	require.NoError(t, p.SetIssuer(replaced))
}

func TestEnded(t *testing.T) {
	t.Parallel()
	var before trust.Policy
	require.NoError(t, before.SetIssuer(issuer()))
	require.NoError(t, before.SetBinding(binding()))
	for name, row := range map[string]struct {
		edit func(t *testing.T, p *trust.Policy)
		want []string
	}{
		"nothing": {func(*testing.T, *trust.Policy) {}, nil},
		"a name": {func(t *testing.T, p *trust.Policy) {
			t.Helper()
			b := binding()
			b.Name = "renamed"
			require.NoError(t, p.SetBinding(b))
		}, nil},
		"the grants": {func(t *testing.T, p *trust.Policy) {
			t.Helper()
			b := binding()
			b.Grants = []access.Grant{{Role: access.RoleEditor}}
			require.NoError(t, p.SetBinding(b))
		}, []string{"bbbbbbbb"}},
		"the audiences of the issuer": {func(t *testing.T, p *trust.Policy) {
			t.Helper()
			i := issuer()
			i.Audiences = []string{"other"}
			require.NoError(t, p.SetIssuer(i))
		}, []string{"bbbbbbbb"}},
		"its removal": {func(t *testing.T, p *trust.Policy) {
			t.Helper()
			require.NoError(t, p.RemoveBinding("bbbbbbbb"))
		}, []string{"bbbbbbbb"}},
	} {
		later := before.Clone()
		row.edit(t, &later)
		assert.Equal(t, row.want, before.Ended(later), name)
		assert.Empty(t, before.Ended(before), name)
	}
}

func TestNamedIssuer(t *testing.T) {
	t.Parallel()
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for text, want := range map[string]string{
		part(`{"alg":"none"}`) + "." + part(`{"iss":"https://a"}`) + ".":                        "https://a",
		part(`{"alg":"none"}`) + "." + part(`{"iss":5}`) + ".":                                  "",
		part(`{"alg":"none"}`) + "." + part(`{"ISS":"https://a"}`) + ".":                        "",
		part(`{"alg":"none"}`) + "." + part(`{}`) + ".":                                         "",
		part(`{"alg":"none"}`) + "." + part(`{"iss":"https://a"}`):                              "",
		part(`{"alg":"none"}`) + ".%%%.":                                                        "",
		part(`{}`) + "." + part(`{"iss":"a"}`) + "." + strings.Repeat("a", trust.MaxTokenBytes): "",
		"": "",
	} {
		got, ok := trust.NamedIssuer(text)
		assert.Equal(t, want, got)
		assert.Equal(t, want != "", ok)
	}
	assert.True(t, trust.IsToken("eyJh.eyJp.c2ln"))
	for _, text := range []string{"sbx_AAAAAAAA_", "eyJh.eyJp", "eyJh.eyJp.c2ln.x", "eyJh.ey p.c2ln", "eyJ" + strings.Repeat("a", trust.MaxTokenBytes)} {
		assert.False(t, trust.IsToken(text), text)
	}
}
