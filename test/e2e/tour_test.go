package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestTour runs the README's tour in a shell against a service that was started as the
// README describes.
func TestTour(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	blocks := tour(string(readme))
	require.NotEmpty(t, blocks, "README.md has a tour between its markers")
	p := serveForTour(t)
	key := e2etest.FirstKey(t, p.DatabaseURL)
	require.NotEmpty(t, key)

	for _, block := range blocks {
		for _, a := range paste(t, strings.ReplaceAll(block, "http://localhost:8082", p.URL), key) {
			require.Regexp(t, `^2\d\d$`, a.status, "%s\n%s", block, a.body)
			require.True(t, json.Valid([]byte(a.body)), "%s\n%s", block, a.body)
		}
	}
	c := e2etest.Client{URL: p.URL, Key: key}
	history := c.History(t, e2etest.Configuration{ID: 1})
	require.Equal(t, []string{"rollback", "update", "create"}, actions(history))
	require.Equal(t, e2etest.Deref(history[2].NewValue), e2etest.Deref(history[0].NewValue))
	require.NotEqual(t, e2etest.Deref(history[1].NewValue), e2etest.Deref(history[0].NewValue))
}

// tour returns the shell blocks between the tour's markers.
func tour(readme string) []string {
	_, rest, _ := strings.Cut(readme, "<!-- tour:begin -->")
	rest, _, _ = strings.Cut(rest, "<!-- tour:end -->")
	var blocks []string
	for {
		_, after, found := strings.Cut(rest, "```sh\n")
		if !found {
			return blocks
		}
		block, next, _ := strings.Cut(after, "```")
		blocks, rest = append(blocks, block), next
	}
}

// serveForTour starts the binary with default settings, in a database of its own. If the
// README's port is occupied, it uses another one.
func serveForTour(t *testing.T) *e2etest.Process {
	t.Helper()
	databaseURL := e2etest.NewSQLite(t)
	p := e2etest.StartServer(t, databaseURL, "SERVICE_PORT=8082")
	if p.AwaitReadyOrExit(t) {
		p.URL = "http://localhost:8082"
		return p
	}
	return e2etest.Serve(t, databaseURL)
}

// pasted is the output of curl: the body and, by this test's .curlrc, the status.
type pasted struct{ body, status string }

// paste runs a block in bash and returns the response to each of its requests.
func paste(t *testing.T, block, key string) []pasted {
	t.Helper()
	home := t.TempDir()
	rc := "write-out = \"\\n%{http_code}\\n\x1e\\n\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(home, ".curlrc"), []byte(rc), 0o600))
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", block)
	shell.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "CURL_HOME=" + home, "KEY=" + key, "SIGNALBOX_KEY=" + key}
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s\n%s", block, out)
	var list []pasted
	for part := range strings.SplitSeq(strings.TrimSpace(string(out)), "\x1e") {
		if part = strings.TrimSpace(part); part != "" {
			cut := strings.LastIndexByte(part, '\n')
			require.Positive(t, cut, "%s", out)
			list = append(list, pasted{body: part[:cut], status: part[cut+1:]})
		}
	}
	require.NotEmpty(t, list, "%s", out)
	return list
}
