package peer_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/peer"
)

func TestTraceParent(t *testing.T) {
	t.Parallel()
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for sent, want := range map[string]string{
		good: good, "01" + good[2:] + "-more": "01" + good[2:],
		"": "", good[1:]: "", good + "-more": "", good + "x": "", "ff" + good[2:]: "", "0g" + good[2:]: "",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01":  "",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01":  "",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01":  "",
		"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01":  "",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\n": "",
	} {
		assert.Equal(t, want, peer.TraceParent(http.Header{"Traceparent": {sent}}), "%q", sent)
	}
	assert.Empty(t, peer.TraceParent(http.Header{"Traceparent": {good, good}}))
	assert.Empty(t, peer.TraceParent(nil))
}
