package access_test

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestWalk runs the walk of docs/access.md in a shell, and compares what it prints with the
// comments.
func TestWalk(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/access.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "<!-- walk:begin -->")
	rest, _, found := strings.Cut(rest, "<!-- walk:end -->")
	require.True(t, found)
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(rest, -1) {
		script.WriteString(block[1] + "\necho\n")
	}
	var want []string
	for _, comment := range regexp.MustCompile(`(?m)# (\d{3}|\{.*)$`).FindAllStringSubmatch(script.String(), -1) {
		want = append(want, strings.TrimSuffix(comment[1], ",...}"))
	}
	require.Len(t, want, 10)

	p := provider(t)
	s := e2etest.Boot(t, e2etest.NewSQLite(t))
	s.Admin(t).Post(t, flagsPath, e2etest.Object{"name": "checkout", "environment": own}).Want(t, http.StatusCreated)
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c",
		strings.ReplaceAll(script.String(), "http://localhost:8082", s.URL))
	shell.Dir = t.TempDir()
	shell.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + shell.Dir, "KEY=" + e2etest.AdminKey(t), "ISSUER=" + p.Issuer,
		"TOKEN=" + p.Token(t),
	}
	out, err := shell.Output()
	require.NoError(t, err, "%s", out)
	lines := strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
	require.Len(t, lines, len(want), "%s", out)
	for i, line := range lines {
		require.True(t, strings.HasPrefix(line, want[i]), "line %d: %s, not %s", i, line, want[i])
	}
}
