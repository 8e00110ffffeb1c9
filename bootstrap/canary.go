package bootstrap

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"go.uber.org/fx"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// checkKeys ends the start where the secret settings are not those of the database: values
// would be encrypted under another key, and no API key would be accepted.
func checkKeys(
	lc fx.Lifecycle, s settings.Settings, store *bunstore.Store, cipher *fernetcipher.Cipher, keys *accessapp.Service,
) {
	canaries := keystore.NewCanaries(store)
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		if fingerprint := cipher.Fingerprint(); fingerprint != "" {
			err := configapp.CheckKey(ctx, cipher, fingerprint, canaries, configstore.NewTokens(store))
			if errors.Is(err, configapp.ErrWrongKey) {
				return settingsError{err}
			}
			if err != nil {
				return err
			}
		}
		return checkPepper(ctx, s.Pepper.Text, canaries, keys)
	}))
}

// pepperKind is the kind of the canaries of peppers.
const pepperKind = "api_key_pepper"

var errWrongPepper = errors.New("API_KEY_PEPPER is not the one with which the API keys of this database are hashed. " +
	"Set that one again; with another one no existing key is accepted")

// checkPepper compares a pepper with those that were used before. Before there are keys any
// pepper may be set.
func checkPepper(ctx context.Context, pepper secret.Text, canaries *keystore.Canaries, keys *accessapp.Service) error {
	known, err := canaries.Find(ctx, pepperKind)
	if err != nil {
		return err
	}
	fingerprint := "stored"
	if !pepper.IsZero() {
		mac := hmac.New(sha256.New, []byte(pepper.Reveal()))
		mac.Write([]byte("signalbox pepper canary"))
		fingerprint = hex.EncodeToString(mac.Sum(nil)[:8])
	}
	exist, err := keys.Any(ctx)
	if err != nil {
		return err
	}
	if _, used := known[fingerprint]; !used && len(known) > 0 && exist {
		return settingsError{errWrongPepper}
	}
	if !exist {
		return nil // the key that is created next decides
	}
	return canaries.Keep(ctx, pepperKind, fingerprint, "")
}
