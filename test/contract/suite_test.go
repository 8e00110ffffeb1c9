package contract_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/contract"
)

func TestOptOuts(t *testing.T) {
	t.Parallel()
	const known = "the time is UTC in microseconds"
	require.NoError(t, contract.CheckForTest(nil))
	require.NoError(t, contract.CheckForTest(contract.Without{known: "this clock has no microseconds"}))
	require.ErrorContains(t, contract.CheckForTest(contract.Without{"unknown behaviour": "a reason"}), "names no behaviour")
	require.ErrorContains(t, contract.CheckForTest(contract.Without{known: " "}), "has no reason")
}
