package bootstrap

import (
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/ports"
)

// sharing is what replicas share of what they read; nil where they share nothing.
type sharing struct {
	fx.Out

	Configurations ports.SharedCache[configuration.Locator, configuration.State]
	Flags          ports.SharedCache[flag.Locator, flag.State]
}

// newSharing shares through Redis, if there is one.
func newSharing(lc fx.Lifecycle, s settings.Settings, log *zap.Logger) sharing {
	if s.RedisHost == "" {
		return sharing{}
	}
	cache := rediscache.OpenCache(rediscache.CacheOptions{
		Options: rediscache.Options{Address: redisAddress(s), Password: s.RedisPassword},
		Tell: func(left bool) {
			if left {
				log.Warn("what was read is not shared, and is read from the store: Redis fails or is slow")
				return
			}
			log.Info("what was read is shared through Redis again")
		},
	})
	lc.Append(fx.StopHook(cache.Close))
	return sharing{
		Configurations: cache.Configurations(time.Duration(s.ConfigCacheTTL)),
		Flags:          cache.Flags(time.Duration(s.FlagCacheTTL)),
	}
}

// longest is how long what lives for about a lifetime lives at most.
func longest(lifetime settings.Duration) time.Duration {
	return time.Duration(float64(lifetime) * (1 + rediscache.Jitter))
}

// How much of the memory for what is read most is for flags, which are read one by
// one by people alone: what is evaluated is in memory as a whole.
const flagShare = 8
