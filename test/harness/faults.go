package harness

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Dice returns what a test of faults draws from. FAULT_SEED repeats a run; the seed
// is printed.
func Dice(tb testing.TB) *rand.Rand {
	tb.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("FAULT_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(tb, err)
	}
	tb.Logf("FAULT_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Scale returns how much a test of faults does: all of it where FAULTS=full, which
// `make faults` sets, else as much as a run before each change allows.
func Scale[T any](all, usual T) T {
	if os.Getenv("FAULTS") == "full" {
		return all
	}
	return usual
}
