package rest

import (
	"context"
	"errors"
	"net/http"
	"net/netip"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/limit"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Limits bound the requests that a replica accepts. The zero value limits no rate.
type Limits struct {
	// Key and Address are the rates of one API key and of one client address.
	Key, Address limit.Rate
	// FailedPerMinute is how many requests with a wrong key one address may send; one key id
	// from it half as many. 0 is any number.
	FailedPerMinute int
	// Replicas returns the number of replicas among which rates are divided; nil is for one.
	Replicas func() int
	// Concurrent is how many requests are served at once, DefaultConcurrent by default.
	Concurrent int
}

// DefaultConcurrent is how many requests are served at once where Limits set no bound.
const DefaultConcurrent = 1024

// Importance says which limits apply to the requests of an operation.
type Importance int

// The importances.
const (
	// Ordinary requests have all limits.
	Ordinary Importance = iota
	// Vital requests count towards no rate, and may use the reserve of concurrent requests,
	// as those of administrators: without them, instances expire.
	Vital
	// Probe requests are never refused.
	Probe
)

// ErrOverloaded is a request that could not be served in time.
var ErrOverloaded = fault.New(fault.Unavailable, "overloaded",
	"This replica serves as many requests as it may (MAX_CONCURRENT_REQUESTS). Try again shortly.")

// attempt is a wrong key id from an address. Keys of another form have no id.
type attempt struct {
	address netip.Addr
	keyID   string
}

// limits are the Limits at work; those that are nil limit nothing.
type limits struct {
	keys      *limit.Buckets[string]
	addresses *limit.Buckets[netip.Addr]
	// failures and attempts are of requests with a wrong key.
	failures *limit.Buckets[netip.Addr]
	attempts *limit.Buckets[attempt]
	gate     *limit.Gate
}

// perMinute is a rate with a burst of one minute.
func perMinute(n int) limit.Rate {
	const minute = 60
	return limit.Rate{PerSecond: float64(n) / minute, Burst: n}
}

func newLimits(o Limits) limits {
	if o.Concurrent <= 0 {
		o.Concurrent = DefaultConcurrent
	}
	perKeyID := (o.FailedPerMinute + 1) / 2 //nolint:mnd // half, and not none
	return limits{
		keys:      limit.NewBuckets[string]("key", o.Key, o.Replicas),
		addresses: limit.NewBuckets[netip.Addr]("address", o.Address, o.Replicas),
		failures:  limit.NewBuckets[netip.Addr]("failed-address", perMinute(o.FailedPerMinute), o.Replicas),
		attempts:  limit.NewBuckets[attempt]("failed-key", perMinute(perKeyID), o.Replicas),
		gate:      limit.NewGate(o.Concurrent),
	}
}

// admit counts a request to an operation, and waits until it may be served. GET operations
// without a key send what is in memory: a slow client without a key takes no place.
func (r *Router) admit(c *gin.Context, req *request, op *operation) error {
	if op.importance == Ordinary {
		if err := r.countRate(c, req); err != nil {
			return err
		}
	}
	gate := r.limits.gate
	switch {
	case op.open && op.doc.Method == http.MethodGet:
		return nil
	case !gate.TryEnter() && !gate.Enter(req.Context, req.isReserved(op.importance)):
		return ErrOverloaded
	}
	req.gate = gate
	return nil
}

// isReserved reports whether a request may use the reserve: callers with all rights have to be
// able to act on an overload.
func (r *request) isReserved(importance Importance) bool {
	return importance == Vital || r.caller.MayAll(access.Resource{})
}

// leave ends the part of a request that counts as being served. A long response is sent after
// that: a client that reads slowly takes no place.
func (r *request) leave() {
	if r.gate != nil {
		r.gate.Leave()
		r.gate = nil
	}
}

// Opened says that a stream or a long poll is open: it no longer counts towards the requests
// that are served, because open ones have a bound of their own.
func Opened(c *gin.Context) { requestOf(c.Request.Context()).leave() }

// countRate counts a request towards the rates of its address and its key.
func (r *Router) countRate(c *gin.Context, req *request) error {
	if err := r.countAddress(c); err != nil {
		return err
	}
	if id := req.caller.Actor.KeyID; id != "" {
		return count(r, c, r.limits.keys, id)
	}
	return nil
}

func (r *Router) countAddress(c *gin.Context) error {
	if r.limits.addresses == nil {
		return nil
	}
	return count(r, c, r.limits.addresses, r.limitedAddress(c))
}

// count takes a token from the bucket of a key, and sends the state of the bucket.
func count[K comparable](r *Router, c *gin.Context, buckets *limit.Buckets[K], key K) error {
	if buckets == nil {
		return nil
	}
	result := buckets.Take(key, r.options.Clock.Now())
	result.Send(c.Writer.Header())
	if !result.Accepted {
		return fault.ErrRateLimited.WithDetail(fault.RetryDetail, result.Wait)
	}
	return nil
}

// limitFailure returns the error of a request without a caller: why it has none, or
// fault.ErrRateLimited. Wrong keys have limits of their own: no number of them uses up what
// right keys may send.
func (r *Router) limitFailure(c *gin.Context, key string, err error) error {
	var limited error
	if r.limits.failures != nil && isWrongKey(err) {
		limited = r.countFailure(c, key)
	} else {
		limited = r.countAddress(c)
	}
	if limited != nil {
		return limited
	}
	return err
}

// isWrongKey reports whether a request presented a key or a token that is not accepted.
func isWrongKey(err error) bool {
	return errors.Is(err, access.ErrInvalidKey) || errors.Is(err, trust.ErrTokenRejected)
}

// LimitLogin returns the error of a login that has failed, or fault.ErrRateLimited: wrong
// tokens count as wrong keys of the address.
func (r *Router) LimitLogin(ctx context.Context, err error) error {
	if r.limits.failures == nil || !isWrongKey(err) {
		return err
	}
	result := r.limits.failures.Take(r.limitedSource(ctx), r.options.Clock.Now())
	if result.Accepted {
		return err
	}
	return fault.ErrRateLimited.WithDetail(fault.RetryDetail, result.Wait)
}

// countFailure counts a wrong key, first towards its id: a program that repeats one key does
// not use up what others at its address may send.
func (r *Router) countFailure(c *gin.Context, key string) error {
	address, now := r.limitedAddress(c), r.options.Clock.Now()
	id, _ := access.NamedKey(key)
	result := r.limits.attempts.Take(attempt{address: address, keyID: id}, now)
	if result.Accepted {
		result = r.limits.failures.Take(address, now)
	}
	if result.Accepted {
		return nil
	}
	result.Send(c.Writer.Header())
	return fault.ErrRateLimited.WithDetail(fault.RetryDetail, result.Wait)
}

// limitedAddress is limitedSource of a request.
func (r *Router) limitedAddress(c *gin.Context) netip.Addr {
	return r.limitedSource(c.Request.Context())
}

// limitedSource is the address that a request counts for: that of the client, or of the
// proxy where that is not certain. Of an IPv6 address it is the network of 64 bits, because
// clients have that many addresses.
func (*Router) limitedSource(ctx context.Context) netip.Addr {
	const network = 64
	req := requestOf(ctx)
	address := req.Address()
	if !address.IsValid() && req.http != nil {
		remote, _ := netip.ParseAddrPort(req.http.RemoteAddr)
		address = remote.Addr().Unmap().WithZone("")
	}
	if address.Is6() {
		prefix, _ := address.Prefix(network)
		address = prefix.Addr()
	}
	return address
}
