package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/cli"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
)

func (p *recordingProgram) SetIssuer(_ context.Context, in accessapp.Issuer) (trust.Issuer, error) {
	p.issuer = in
	return trust.Issuer{ID: "iiiiiiii", Name: *in.Name}, p.record("issuer create")
}

func (p *recordingProgram) Issuers(context.Context) ([]trust.Issuer, error) {
	return []trust.Issuer{{
		ID: "iiiiiiii", Name: "ci", URL: "https://ci.example.com", Audiences: []string{"a", "b"},
		Algorithms: []string{"RS256"}, Direct: true,
	}}, p.record("issuers")
}

func (p *recordingProgram) RemoveIssuer(_ context.Context, id string) error {
	return p.record("issuer delete " + id)
}

func (p *recordingProgram) SetBinding(_ context.Context, in accessapp.Binding) (trust.Binding, error) {
	p.binding = in
	return trust.Binding{ID: "bbbbbbbb", Name: *in.Name}, p.record("binding create")
}

func (p *recordingProgram) Bindings(context.Context) ([]trust.Binding, error) {
	return []trust.Binding{{
		ID: "bbbbbbbb", Name: "shop", IssuerID: "iiiiiiii", Subjects: []string{"repo:*"}, TTL: time.Minute,
		Claims: map[string][]string{"/b": {"x", "y"}, "/a": {"z"}}, Grants: []access.Grant{{Role: access.RoleReader}},
	}}, p.record("bindings")
}

func (p *recordingProgram) RemoveBinding(_ context.Context, id string) error {
	return p.record("binding delete " + id)
}

func TestTrust(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"keys": []}`), 0o600))
	p := &recordingProgram{}
	out, err := run(t, p, "issuer", "create", "--name", "ci", "--url", "https://ci.example.com",
		"--audience", "a,b", "--algorithm", "ES256", "--clock-skew", "5s", "--direct", "--jwks-file", file)
	require.NoError(t, err)
	assert.Equal(t, "created issuer iiiiiiii (ci)\n", out)
	assert.Equal(t, accessapp.Issuer{
		Name: new("ci"), URL: new("https://ci.example.com"), Audiences: &[]string{"a", "b"},
		Algorithms: &[]string{"ES256"}, Skew: new(5 * time.Second), Direct: new(true), KeySet: new(`{"keys": []}`),
	}, p.issuer)
	out, err = run(t, p, "binding", "create", "--name", "shop", "--issuer", "iiiiiiii", "--subject", "repo:*",
		"--subject", "a,b", "--claim", "/ref=x", "--claim", "/ref=y=z", "--role", "editor", "--ttl", "5m")
	require.NoError(t, err)
	assert.Equal(t, "created binding bbbbbbbb (shop)\n", out)
	assert.Equal(t, accessapp.Binding{
		Name: new("shop"), IssuerID: new("iiiiiiii"), Subjects: &[]string{"repo:*", "a,b"},
		Claims: &map[string][]string{"/ref": {"x", "y=z"}}, Grants: &[]accessapp.Grant{{Role: "editor"}},
		TTL: new(5 * time.Minute),
	}, p.binding)
	for args, want := range map[string]string{
		"issuer list": "ID        NAME  ISSUER                  KEYS        AUDIENCES  ALGORITHMS  DIRECT  CREATED\n" +
			"iiiiiiii  ci    https://ci.example.com  discovered  a,b        RS256       yes     -\n",
		"binding list": "ID        NAME  ISSUER    SUBJECTS  CLAIMS        ROLE    SCOPE  TTL   CREATED\n" +
			"bbbbbbbb  shop  iiiiiiii  repo:*    /a=z,/b=x|y  reader  -      1m0s  -\n",
		"issuer delete iiiiiiii":  "deleted iiiiiiii\n",
		"binding delete bbbbbbbb": "deleted bbbbbbbb\n",
	} {
		out, err = run(t, p, strings.Fields(args)...)
		require.NoError(t, err)
		assert.Equal(t, strings.Join(strings.Fields(want), " "), strings.Join(strings.Fields(out), " "))
	}
	empty := filepath.Join(t.TempDir(), "empty.json")
	require.NoError(t, os.WriteFile(empty, []byte(" \n"), 0o600))
	for _, args := range [][]string{
		{"issuer", "create", "--jwks-file", "missing"},
		{"issuer", "create", "--jwks-file", empty},
		{"issuer", "create", "--jwks-file", ""},
		{"binding", "create", "--claim", "/ref"},
		{"issuer", "delete"},
	} {
		_, err = run(t, p, args...)
		assert.Equal(t, cli.ExitUsage, cli.ExitCode(err), args)
	}
}
