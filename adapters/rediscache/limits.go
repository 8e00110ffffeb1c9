package rediscache

import (
	"cmp"
	"context"
	"encoding/binary"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"github.com/signalbox-hq/signalbox/ports"
)

const (
	// LimitsTTL is how long claims are kept after the last exchange of any replica.
	limitsTTL = time.Minute
	// A field begins with claimsForm, so that another form can follow.
	claimsForm       = 1
	claimsHead       = 1 + 8
	claimBytes       = 8 + 4 + 4
	maxPublishedSize = 1 << 20
)

// LimitClaims are the claims of replicas to rate limits, in a hash with a field for each
// replica. A circuit breaker fails at once while Redis fails or is slow.
type LimitClaims struct {
	client  *redis.Client
	prefix  string
	timeout time.Duration
	epoch   ports.Epoch
	breaker *gobreaker.CircuitBreaker[map[string]string]
}

var _ ports.LimitClaims = (*LimitClaims)(nil)

// OpenLimitClaims returns the claims at an address. It connects when it is used.
func OpenLimitClaims(o Options) *LimitClaims {
	redis.SetLogger(silent{})
	timeout := cmp.Or(o.Timeout, cacheTimeout)
	return &LimitClaims{
		client: newClient(o, timeout, timeout), prefix: o.Prefix, timeout: timeout, epoch: o.Epoch,
		breaker: gobreaker.NewCircuitBreaker[map[string]string](gobreaker.Settings{
			Timeout:      circuitTimeout,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= cacheFailures },
			IsSuccessful: healthy,
		}),
	}
}

// Close closes the connections.
func (l *LimitClaims) Close() error { return translate(l.client.Close(), "close Redis") }

// Exchange publishes the claims of a replica, then reads those of all, in one round trip.
func (l *LimitClaims) Exchange(
	ctx context.Context, replica string, claims ports.PublishedClaims,
) (map[string]ports.PublishedClaims, error) {
	fields, err := l.call(ctx, func(ctx context.Context, key string) (map[string]string, error) {
		pipe := l.client.Pipeline()
		pipe.HSet(ctx, key, replica, encodeClaims(claims))
		pipe.PExpire(ctx, key, limitsTTL)
		all := pipe.HGetAll(ctx, key)
		if _, err := pipe.Exec(ctx); err != nil {
			if hasCode(err, "WRONGTYPE") {
				_ = l.client.Del(ctx, key).Err() // the next exchange succeeds, or reports it
			}
			return nil, err
		}
		return all.Val(), nil
	})
	if err != nil {
		return nil, translate(err, "exchange claims to rate limits")
	}
	others := make(map[string]ports.PublishedClaims, len(fields))
	for name, text := range fields {
		if published, ok := decodeClaims(text); ok && name != replica {
			others[name] = published
		}
	}
	return others, nil
}

// Withdraw deletes the claims of a replica.
func (l *LimitClaims) Withdraw(ctx context.Context, replica string) error {
	_, err := l.call(ctx, func(ctx context.Context, key string) (map[string]string, error) {
		return nil, l.client.HDel(ctx, key, replica).Err()
	})
	return translate(err, "withdraw claims to rate limits")
}

// call runs commands on the key of the current epoch, unless the circuit is open.
func (l *LimitClaims) call(
	ctx context.Context, commands func(ctx context.Context, key string) (map[string]string, error),
) (map[string]string, error) {
	epoch := l.epoch()
	if epoch == "" {
		return nil, errNoEpoch
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	return l.breaker.Execute(func() (map[string]string, error) {
		return commands(ctx, l.prefix+"registry:"+epoch+":limits")
	})
}

// encodeClaims writes claims as a field has them.
func encodeClaims(p ports.PublishedClaims) []byte {
	b := make([]byte, 0, claimsHead+claimBytes*len(p.Claims))
	b = append(b, claimsForm)
	b = binary.BigEndian.AppendUint64(b, p.Sequence)
	for _, c := range p.Claims {
		b = binary.BigEndian.AppendUint64(b, c.ID)
		b = binary.BigEndian.AppendUint32(b, c.Share)
		b = binary.BigEndian.AppendUint32(b, c.Demand)
	}
	return b
}

// decodeClaims reads a field, unless it has another form.
func decodeClaims(text string) (p ports.PublishedClaims, ok bool) {
	if len(text) < claimsHead || len(text) > maxPublishedSize || text[0] != claimsForm ||
		(len(text)-claimsHead)%claimBytes != 0 {
		return p, false
	}
	b := []byte(text)
	p.Sequence = binary.BigEndian.Uint64(b[1:])
	for b = b[claimsHead:]; len(b) > 0; b = b[claimBytes:] {
		p.Claims = append(p.Claims, ports.LimitClaim{
			ID: binary.BigEndian.Uint64(b), Share: min(binary.BigEndian.Uint32(b[8:]), ports.LimitWhole),
			Demand: binary.BigEndian.Uint32(b[12:]),
		})
	}
	return p, true
}
