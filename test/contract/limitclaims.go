package contract

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/ports"
)

// LimitClaims tests implementations of ports.LimitClaims, on empty ones that fresh returns.
func LimitClaims(t *testing.T, fresh func(*testing.T) ports.LimitClaims, without Without) {
	t.Helper()
	run(t, limitClaimsSuite(), fresh, without)
}

func limitClaimsSuite() []behaviour[ports.LimitClaims] {
	return []behaviour[ports.LimitClaims]{
		{"a replica gets the claims of all others as they were published, and not its own", claimsComeBack},
		{"claims replace the earlier ones, also by none", claimsReplaced},
		{"withdrawn claims are gone, and withdrawing none is no error", claimsWithdrawn},
		{"of two replicas that exchange at once, one at least gets the other's claims", claimsAtOnce},
		{"an exchange with an ended context is an error", claimsEnded},
	}
}

func exchange(t *testing.T, c ports.LimitClaims, replica string, p ports.PublishedClaims) map[string]ports.PublishedClaims {
	t.Helper()
	others, err := c.Exchange(t.Context(), replica, p)
	require.NoError(t, err)
	return others
}

func claimed(sequence uint64, claims ...ports.LimitClaim) ports.PublishedClaims {
	return ports.PublishedClaims{Sequence: sequence, Claims: claims}
}

func claimsComeBack(t *testing.T, c ports.LimitClaims) {
	many := claimed(math.MaxUint64)
	for n := range uint64(2000) {
		many.Claims = append(many.Claims, ports.LimitClaim{ID: math.MaxUint64 - n, Share: uint32(n), Demand: math.MaxUint32 - uint32(n)})
	}
	one := claimed(1, ports.LimitClaim{ID: 7, Share: ports.LimitWhole, Demand: 3})
	assert.Empty(t, exchange(t, c, "one", one))
	assert.Equal(t, map[string]ports.PublishedClaims{"one": one}, exchange(t, c, "many", many))
	assert.Equal(t, map[string]ports.PublishedClaims{"one": one, "many": many}, exchange(t, c, "none", claimed(5)))
	assert.Equal(t, map[string]ports.PublishedClaims{"many": many, "none": claimed(5)}, exchange(t, c, "one", one))
}

func claimsReplaced(t *testing.T, c ports.LimitClaims) {
	exchange(t, c, "one", claimed(1, ports.LimitClaim{ID: 7, Share: 1, Demand: 1}))
	later := claimed(2, ports.LimitClaim{ID: 8, Share: 2, Demand: 2})
	exchange(t, c, "one", later)
	assert.Equal(t, map[string]ports.PublishedClaims{"one": later}, exchange(t, c, "other", claimed(1)))
	exchange(t, c, "one", claimed(3))
	assert.Equal(t, map[string]ports.PublishedClaims{"one": claimed(3)}, exchange(t, c, "other", claimed(2)))
}

func claimsWithdrawn(t *testing.T, c ports.LimitClaims) {
	exchange(t, c, "one", claimed(1))
	require.NoError(t, c.Withdraw(t.Context(), "one"))
	require.NoError(t, c.Withdraw(t.Context(), "one"))
	require.NoError(t, c.Withdraw(t.Context(), "never"))
	assert.Empty(t, exchange(t, c, "other", claimed(1)))
}

func claimsAtOnce(t *testing.T, c ports.LimitClaims) {
	for round := range uint64(50) {
		names, seen := []string{"one", "other"}, make([]bool, 2)
		for _, err := range together(2, func(i int) error {
			others, err := c.Exchange(t.Context(), names[i], claimed(round+1))
			seen[i] = others[names[1-i]].Sequence == round+1
			return err
		}) {
			require.NoError(t, err)
		}
		require.True(t, seen[0] || seen[1], strconv.FormatUint(round, 10))
	}
}

func claimsEnded(t *testing.T, c ports.LimitClaims) {
	_, err := c.Exchange(endedContext(t), "one", claimed(1))
	require.Error(t, err)
	require.Error(t, c.Withdraw(endedContext(t), "one"))
}
