package rollout_test

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/harness"
)

func TestPythonComputesTheSameBuckets(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		harness.Skip(t, "no python3")
	}
	output, err := exec.CommandContext(t.Context(), "python3", "testdata/vectors.py").CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Equal(t, strconv.Itoa(len(vectors())), strings.TrimSpace(string(output)))
}
