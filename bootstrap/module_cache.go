package bootstrap

import (
	"cmp"
	"net"
	"strconv"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/ports"
)

func cacheModule() fx.Option { return fx.Module("cache", fx.Provide(newSharedCaches)) }

// sharedCaches are the caches that replicas share; nil if there is no Redis, or where the
// setting of their lifetime is 0.
type sharedCaches struct {
	fx.Out

	Configurations ports.SharedCache[configuration.Locator, configuration.State]
	Flags          ports.SharedCache[flag.Locator, flag.State]
}

// newSharedCaches opens the caches in Redis, if there is one.
func newSharedCaches(lc fx.Lifecycle, s settings.Settings, stores storeTLS, log *zap.Logger) sharedCaches {
	if s.RedisHost == "" {
		return sharedCaches{}
	}
	cache := rediscache.OpenCache(rediscache.CacheOptions{
		Options: redisOptions(s, stores),
		CircuitChanged: func(open bool) {
			if open {
				log.Warn("redis cache bypassed: circuit open")
				return
			}
			log.Info("redis cache restored: circuit closed")
		},
	})
	lc.Append(fx.StopHook(cache.Close))
	var shared sharedCaches
	if s.ConfigCacheTTL > 0 {
		shared.Configurations = cache.Configurations(time.Duration(s.ConfigCacheTTL))
	}
	if s.FlagCacheTTL > 0 {
		shared.Flags = cache.Flags(time.Duration(s.FlagCacheTTL))
	}
	return shared
}

// redisOptions select the Redis of the settings.
func redisOptions(s settings.Settings, stores storeTLS) rediscache.Options {
	return rediscache.Options{
		Address:  net.JoinHostPort(string(s.RedisHost), strconv.Itoa(int(s.RedisPort))),
		Username: s.RedisUsername, Password: s.RedisPassword, TLS: stores.Redis,
	}
}

// maxLifetime returns the longest life of a shared value, whose lifetime is jittered. Where
// nothing is shared it bounds for how long versions are remembered.
func maxLifetime(lifetime settings.Lifetime) time.Duration {
	const unshared = settings.Lifetime(5 * time.Minute)
	return time.Duration(float64(cmp.Or(lifetime, unshared)) * (1 + rediscache.Jitter))
}

// flagShare is the part of the cache's memory for flags, one in flagShare. Only reads of
// single flags use it; evaluations use a snapshot of all flags.
const flagShare = 8
