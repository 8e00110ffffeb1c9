package ci_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const suites = `# a comment
document  docs/openapi.json test/openapi
fuzz      @service test/fuzz`

// repository is a temporary one with a selection of its own.
type repository struct{ root string }

func newRepository(t *testing.T) repository {
	t.Helper()
	r := repository{t.TempDir()}
	program, err := os.ReadFile("../../.ci/select")
	require.NoError(t, err)
	r.git(t, "init", "-q", "-b", "main")
	r.write(t, ".ci/select", string(program))
	r.write(t, ".ci/suites", suites)
	for _, name := range []string{
		"Makefile", "go.mod", "README.md", "docs/openapi.json", "test/openapi/check.sh", "test/fuzz/check.sh",
		"domain/flag/flag.go", "domain/flag/flag_test.go", "domain/flag/testdata/flags.json", "migrations/sqlite/1.sql",
	} {
		r.write(t, name, name)
	}
	r.commit(t)
	return r
}

func (r repository) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(r.root, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func (r repository) git(t *testing.T, args ...string) string {
	t.Helper()
	args = append([]string{"-c", "user.name=ci", "-c", "user.email=ci@example.com"}, args...)
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = r.root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

func (r repository) commit(t *testing.T) {
	t.Helper()
	r.git(t, "add", "-A")
	r.git(t, "commit", "-q", "-m", "change")
}

// checked records that the last commit has passed all suites.
func (r repository) checked(t *testing.T) {
	t.Helper()
	r.write(t, ".ci/checked", r.git(t, "rev-parse", "HEAD")+"\n")
	r.commit(t)
}

// selected returns the decision on each suite.
func (r repository) selected(t *testing.T, environ ...string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(r.root, ".ci/select"))
	cmd.Env = append(append(os.Environ(), "CHECK="), environ...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	decisions := map[string]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 3)
		require.Len(t, words, 3, line)
		decisions[words[1]] = words[0]
	}
	require.Len(t, decisions, 2)
	return decisions
}

func TestSelection(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		changed        string
		document, fuzz string
	}{
		"nothing":                {"", "leave", "leave"},
		"a document":             {"README.md", "leave", "leave"},
		"a file beside":          {"test/other/a.go", "leave", "leave"},
		"an input of one":        {"docs/openapi.json", "run", "leave"},
		"a new input of one":     {"test/openapi/new.json", "run", "leave"},
		"the service":            {"domain/flag/flag.go", "leave", "run"},
		"a new file of it":       {"domain/new.go", "leave", "run"},
		"a migration":            {"migrations/sqlite/1.sql", "leave", "run"},
		"a test of it":           {"domain/flag/flag_test.go", "leave", "leave"},
		"the data of such a one": {"domain/flag/testdata/flags.json", "leave", "leave"},
		"the suite itself":       {"test/fuzz/check.sh", "leave", "run"},
		"the Makefile":           {"Makefile", "run", "run"},
		"a dependency":           {"go.mod", "run", "run"},
		"the selection":          {".ci/run", "run", "run"},
	} {
		for _, committed := range []bool{true, false} {
			r := newRepository(t)
			r.checked(t)
			if row.changed != "" {
				r.write(t, row.changed, "changed")
			}
			if committed && row.changed != "" {
				r.commit(t)
				r.write(t, "README.md", "later")
				r.commit(t)
			}
			want := map[string]string{"document": row.document, "fuzz": row.fuzz}
			assert.Equal(t, want, r.selected(t), "%s, committed: %t", name, committed)
		}
	}
}

func TestDeletedInputsHaveChanged(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.checked(t)
	require.NoError(t, os.Remove(filepath.Join(r.root, "domain/flag/flag.go")))
	assert.Equal(t, "run", r.selected(t)["fuzz"])
	r.commit(t)
	assert.Equal(t, "run", r.selected(t)["fuzz"])
}

// TestUnknownBases run everything: what has changed since is not known.
func TestUnknownBases(t *testing.T) {
	t.Parallel()
	everything := map[string]string{"document": "run", "fuzz": "run"}
	r := newRepository(t)
	assert.Equal(t, everything, r.selected(t), "no record")
	for _, text := range []string{"", "main\n", "HEAD", strings.Repeat("0", 40), "--help"} {
		r.write(t, ".ci/checked", text)
		r.commit(t)
		assert.Equal(t, everything, r.selected(t), text)
	}
	r.checked(t)
	require.Equal(t, "leave", r.selected(t)["fuzz"])
	assert.Equal(t, everything, r.selected(t, "CHECK=all"))

	shallow := repository{filepath.Join(t.TempDir(), "shallow")}
	r.git(t, "clone", "-q", "--depth", "1", "file://"+r.root, shallow.root)
	assert.Equal(t, everything, shallow.selected(t), "a clone without the history")

	r.git(t, "checkout", "-q", "-b", "side", "HEAD~2")
	r.write(t, ".ci/checked", r.git(t, "rev-parse", "main"))
	assert.Equal(t, everything, r.selected(t), "a commit of another branch")
}

// TestSuites holds .ci/suites to the Makefile: each target check-NAME is in it, and each input
// exists.
func TestSuites(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	var targets, named []string
	for _, match := range regexp.MustCompile(`(?m)^check-([a-z-]+):`).FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, match[1])
	}
	text, err := os.ReadFile("../../.ci/suites")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		named = append(named, words[0])
		for _, input := range words[1:] {
			if input != "@service" {
				_, err := os.Stat(filepath.Join("../..", input))
				require.NoError(t, err)
			}
		}
	}
	require.NotEmpty(t, named)
	assert.ElementsMatch(t, targets, named)
}
