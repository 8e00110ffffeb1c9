package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// OpenIDProvider is a running provider of tokens, from the module test/oidcprovider.
type OpenIDProvider struct {
	// Issuer is the claim iss of its tokens, whose audience is "signalbox".
	Issuer string
}

// buildTimeout bounds the download and the build of the provider.
const buildTimeout = 5 * time.Minute

// NewOpenIDProvider builds and starts the provider, and stops it at the end of the test.
// Module is the folder of test/oidcprovider.
func NewOpenIDProvider(tb testing.TB, module string) *OpenIDProvider {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), buildTimeout)
	defer cancel()
	environ := append(os.Environ(), "GOWORK=off")
	fetch := exec.CommandContext(ctx, "go", "mod", "download")
	fetch.Dir, fetch.Env = module, environ
	if text, err := fetch.CombinedOutput(); err != nil {
		tb.Logf("%s", text)
		Skip(tb, "no way to install the OpenID provider: is the module proxy reached?")
	}
	program := filepath.Join(tb.TempDir(), "oidcprovider")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir, build.Env = module, environ
	text, err := build.CombinedOutput()
	require.NoError(tb, err, "%s", text)

	run := exec.CommandContext(context.WithoutCancel(tb.Context()), program)
	out, err := run.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, run.Start())
	tb.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	})
	issuer, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(tb, err)
	return &OpenIDProvider{Issuer: strings.TrimSpace(issuer)}
}

// Token returns a new token of the program "sid1", whose subject is "program:sid1" and which
// has the claim custom_claim.client "sid1".
func (p *OpenIDProvider) Token(tb testing.TB) string {
	tb.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"custom_scope"}}
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, p.Issuer+"/oauth/token",
		strings.NewReader(form.Encode()))
	require.NoError(tb, err)
	request.SetBasicAuth("sid1", "verysecret")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	require.NoError(tb, err)
	defer response.Body.Close() //nolint:errcheck // it was read
	var granted struct {
		Token string `json:"access_token"`
	}
	require.NoError(tb, json.NewDecoder(response.Body).Decode(&granted))
	require.NotEmpty(tb, granted.Token)
	return granted.Token
}
