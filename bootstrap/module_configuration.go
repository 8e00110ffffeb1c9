package bootstrap

import (
	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/adapters/localcache"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
)

func configurationModule() Module {
	return Module{Descriptor: configapp.Module(), Store: configstore.Module(), Options: fx.Options(
		fx.Provide(
			fx.Annotate(configstore.New,
				fx.As(new(configuration.Repository)), fx.As(new(configuration.History))),
			newCipher, func(c *fernetcipher.Cipher) ports.KeyRing { return c },
			fx.Annotate(configstore.NewVault, fx.As(new(configapp.Enforcement))),
			newConfigurations, newKeyRing,
		),
		subscribed[*configapp.Service](),
		fx.Invoke(checkKeys),
	)}
}

// newKeyRing returns the use cases of encryption keys.
func newKeyRing(
	store *bunstore.Store, cipher *fernetcipher.Cipher, trail ports.AuditTrail, clock ports.Clock,
	backoff ports.Backoff,
) *configapp.KeyRing {
	return configapp.NewKeyRing(configapp.KeyRingDependencies{
		Vault: configstore.NewVault(store), Cipher: cipher, Canaries: keystore.NewCanaries(store),
		Replicas: feedstore.NewReplicas(store), Trail: trail, Clock: clock, Backoff: backoff,
	})
}

func newCipher(s settings.Settings, log *zap.Logger) (*fernetcipher.Cipher, error) {
	if keys := s.EncryptionKeys.All(); len(keys) > 0 {
		return fernetcipher.NewRing(keys, s.EnableEncryption)
	}
	if s.EnableEncryption && s.EncryptionKey.IsZero() {
		log.Warn("encryption unavailable: ENABLE_ENCRYPTION=true without ENCRYPTION_KEY; " +
			"generate a key with 'signalbox keygen'")
	}
	return fernetcipher.New(s.EncryptionKey.Text, s.EnableEncryption)
}

// configurationParts are the dependencies of the configurations' use cases.
type configurationParts struct {
	fx.In

	Settings       settings.Settings
	Configurations configuration.Repository
	History        configuration.History
	Cipher         ports.KeyRing
	Enforcement    configapp.Enforcement
	Clock          ports.Clock
	Stopwatch      ports.Stopwatch
	Backoff        ports.Backoff
	Tail           *changefeed.Tailer
	Shared         ports.SharedCache[configuration.Locator, configuration.State]
	Reveals        configapp.Reveals
}

func newConfigurations(p configurationParts) *configapp.Service {
	return configapp.New(configapp.Dependencies{
		Configurations: p.Configurations, History: p.History, Cipher: p.Cipher,
		Enforcement: p.Enforcement,
		Memory: localcache.NewCache[configuration.Locator, *configapp.Entry](
			int(p.Settings.CacheMaxBytes) - int(p.Settings.CacheMaxBytes)/flagShare),
		Shared: p.Shared, Lifetime: maxLifetime(p.Settings.ConfigCacheTTL),
		Feed: p.Tail, Stopwatch: p.Stopwatch,
		Clock: p.Clock, Backoff: p.Backoff, Environments: p.Settings.Policy(), Reveals: p.Reveals,
	})
}
