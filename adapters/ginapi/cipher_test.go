package ginapi_test

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"

	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// cipher hides a value from the eye alone, and knows damaged tokens.
type cipher struct {
	mu    sync.Mutex
	count int
}

func (c *cipher) Encrypt(_ context.Context, text secret.Text) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	return strconv.Itoa(c.count) + ":" + hex.EncodeToString([]byte(text.Reveal())), nil
}

func (c *cipher) Decrypt(_ context.Context, token string) (secret.Text, error) {
	_, digits, ok := strings.Cut(token, ":")
	text, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return secret.Text{}, ports.ErrDecryptionFailed
	}
	return secret.New(string(text)), nil
}

func (*cipher) Fingerprint() string { return "test" }

func (*cipher) KeyOf(string) string { return "test" }
