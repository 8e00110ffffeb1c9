package harness

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rand returns the random source of a fault test. The seed is logged; FAULT_SEED repeats
// a run.
func Rand(tb testing.TB) *rand.Rand {
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

// Scale returns the size or duration of a fault test: all with FAULTS=full, which
// `make faults` sets, otherwise usual.
func Scale[T any](all, usual T) T {
	if os.Getenv("FAULTS") == "full" {
		return all
	}
	return usual
}
