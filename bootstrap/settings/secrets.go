package settings

import (
	"strings"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// EncryptionKey is a Fernet key, or empty.
type EncryptionKey struct{ secret.Text }

// UnmarshalText reads base64 of 32 bytes, in the standard or the URL alphabet.
func (k *EncryptionKey) UnmarshalText(text []byte) error {
	key := secret.New(string(text))
	if _, err := fernetcipher.New(key, true); err != nil {
		return errNotAllowed
	}
	k.Text = key
	return nil
}

// EncryptionKeys are Fernet keys, the current one first, or none.
type EncryptionKeys struct{ keys []secret.Text }

// UnmarshalText reads keys separated by commas, each as EncryptionKey.
func (k *EncryptionKeys) UnmarshalText(text []byte) error {
	k.keys = nil
	for one := range strings.SplitSeq(string(text), ",") {
		k.keys = append(k.keys, secret.New(strings.TrimSpace(one)))
	}
	if _, err := fernetcipher.NewRing(k.keys, true); err != nil {
		return errNotAllowed
	}
	return nil
}

// All returns the keys, the current one first.
func (k EncryptionKeys) All() []secret.Text { return k.keys }

// APIKey is the token of an API key, or empty.
type APIKey struct{ secret.Text }

// UnmarshalText reads a token and checks its form.
func (k *APIKey) UnmarshalText(text []byte) error {
	token, err := access.ParseToken(string(text))
	if err != nil {
		return errNotAllowed
	}
	k.Text = token.Text()
	return nil
}

// Pepper is the server secret of the API keys, or empty.
type Pepper struct{ secret.Text }

// UnmarshalText reads a string of at least 32 characters.
func (p *Pepper) UnmarshalText(text []byte) error {
	if len(text) < 32 {
		return errNotAllowed
	}
	p.Text = secret.New(string(text))
	return nil
}
