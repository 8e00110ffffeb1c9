package architecture_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/architecture"
)

func TestTerms(t *testing.T) {
	t.Parallel()

	t.Run("the tree has no retired term", func(t *testing.T) {
		t.Parallel()
		breaches, err := architecture.CheckTerms(architecture.Tree{Root: root(t)})
		require.NoError(t, err)
		for _, b := range breaches {
			t.Error(b)
		}
	})

	t.Run("comments, messages, names and documents are checked; code in documents is not", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte(`package a

// Whoever waits is served.
func ring(bellRope string) string { return "nothing is under way" }
`), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "a_test.go"), []byte(`package a

func TestA(t *testing.T) { t.Run("it is told once", func(t *testing.T) { log("it is told twice") }) }
`), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "a.md"), []byte("Is `told` twice.\nIt is told once.\n"), 0o600))
		breaches, err := architecture.CheckTerms(architecture.Tree{Root: dir})
		require.NoError(t, err)
		assert.Equal(t, []string{
			`a.go:3: "Whoever" is retired; write: name the client, caller, request, replica or operator`,
			`a.go:4: "bell" in the name bellRope is retired; write: signal`,
			`a.go:4: "under way" is retired; write: in-flight`,
			`a.md:2: "told" is retired; write: notified, sent, delivered, stated`,
			`a_test.go:3: "told" is retired; write: notified, sent, delivered, stated`,
		}, breaches)
	})
}
