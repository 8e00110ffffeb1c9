package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// OverloadFactor is how many times the best throughput is offered.
	overloadFactor = 4
	// OverloadConnections are more than a replica serves and has in its queue by default.
	overloadConnections = 2500
	// OverloadedPath is a page of configurations: a request that costs the server much more
	// than the client, on whose processors it runs.
	overloadedPath = "/api/v1/config/?environment=" + environment + "&limit=100"
	// InTime is when a response is too late for its client.
	inTime = 2 * time.Second
)

// openOverloaded starts a service with a page of configurations.
func (b *bench) openOverloaded(ctx context.Context, settings ...string) (*service, error) {
	dir, err := b.folder()
	if err != nil {
		return nil, err
	}
	s, err := b.serve(ctx, sqliteURL(filepath.Join(dir, "overload.db")), settings...)
	if err != nil {
		return nil, err
	}
	if _, err := prepareRead(ctx, s); err != nil {
		return nil, err
	}
	for n := range 100 {
		body := fmt.Sprintf(`{"key":"overload.%d","value":%q,"environment":%q,"service_name":%q}`,
			n, value, environment, serviceName)
		if _, err := s.call(ctx, http.MethodPost, "/api/v1/config/", body, http.StatusCreated); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// overloadGoodput measures how many pages a second are served within two seconds while four
// times as many are requested as the replica can serve. Its ceiling is the best throughput,
// by 32 clients that wait for each response.
func overloadGoodput(ctx context.Context, b *bench) (outcome, error) {
	s, err := b.openOverloaded(ctx)
	if err != nil {
		return outcome{}, err
	}
	request := race{method: http.MethodGet, path: overloadedPath}.request(s.key, nil)
	l := load{
		address: s.address, status: http.StatusOK,
		request: func() func() []byte { return func() []byte { return request } },
	}
	best := func(ctx context.Context, _ int) (float64, error) { return b.requestsPerSecond(ctx, l) }
	most, err := best(ctx, 0)
	if err != nil {
		return outcome{}, err
	}
	key, err := s.newKey(ctx, "client")
	if err != nil {
		return outcome{}, err
	}
	o := offer{
		Address: s.address, PerSecond: int(overloadFactor * most), Connections: overloadConnections,
		Path: overloadedPath, Key: key, Within: inTime,
	}
	return endWith(ctx, s, b.rounds, contest{ceiling: best, ours: func(ctx context.Context, _ int) (float64, error) {
		return b.goodput(ctx, o)
	}})
}

// goodput offers a load for a round, and returns how many good responses there were per
// second. What is not served has to be refused properly.
func (b *bench) goodput(ctx context.Context, o offer) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, b.duration)
	defer cancel()
	result, err := o.run(ctx, func() {})
	if err != nil {
		return 0, err
	}
	if err := o.complete(result); err != nil {
		return 0, err
	}
	b.note("overload-goodput: %d/s offered: %s, %.0f/s good", o.PerSecond, result, float64(result.Good)/result.Took.Seconds())
	for status := range result.Statuses {
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			return 0, fmt.Errorf("a response is %d", status)
		}
	}
	return float64(result.Good) / result.Took.Seconds(), nil
}

const (
	// The noisy key sends ten times its limit.
	noisyLimit, noisyRate = 500, 5000
	// The quiet keys send 100 requests per second each.
	quietKeys, quietPause = 10, 10 * time.Millisecond
	// WrongRate is how many wrong keys there are per second.
	wrongRate = 10_000
	// ValidPause is that of the valid key beside them.
	validPause = 2 * time.Millisecond
)

// overloadNoisyKey measures the 99th percentile of ten quiet keys beside one that sends ten
// times its limit; its ceiling is theirs without it.
func overloadNoisyKey(ctx context.Context, b *bench) (outcome, error) {
	s, err := b.openOverloaded(ctx, fmt.Sprint("RATE_LIMIT_KEY_PER_SECOND=", noisyLimit))
	if err != nil {
		return outcome{}, err
	}
	noisy, err := s.newKey(ctx, "noisy")
	if err != nil {
		return outcome{}, err
	}
	var keys []string
	for n := range quietKeys {
		key, err := s.newKey(ctx, fmt.Sprint("quiet ", n))
		if err != nil {
			return outcome{}, err
		}
		keys = append(keys, key)
	}
	o := offer{Address: s.address, PerSecond: noisyRate, Connections: 64, Path: readPath, Key: noisy, Within: inTime}
	most := func(r offered) int64 { return int64(noisyLimit * (r.Took.Seconds() + 2)) }
	return b.disturbed(ctx, s, o, most, func(ctx context.Context) (float64, error) {
		took, err := b.paced(ctx, s, keys, quietPause)
		return percentile(took, 99) * 1000, err
	})
}

// overloadWrongKeys measures the median response time of a valid key beside 10,000 wrong
// ones per second; its ceiling is that without them.
func overloadWrongKeys(ctx context.Context, b *bench) (outcome, error) {
	s, err := b.openOverloaded(ctx)
	if err != nil {
		return outcome{}, err
	}
	key, err := s.newKey(ctx, "valid")
	if err != nil {
		return outcome{}, err
	}
	o := offer{Address: s.address, PerSecond: wrongRate, Connections: 2000, Path: readPath, Within: inTime}
	return b.disturbed(ctx, s, o, func(offered) int64 { return 0 }, func(ctx context.Context) (float64, error) {
		took, err := b.paced(ctx, s, []string{key}, validPause)
		return percentile(took, 50) * 1000, err
	})
}

// disturbed compares response times with and without an offered load, of which a number of
// requests may be accepted at most.
func (b *bench) disturbed(
	ctx context.Context, s *service, o offer, most func(offered) int64, measure func(context.Context) (float64, error),
) (outcome, error) {
	if _, err := measure(ctx); err != nil { // warms up
		return outcome{}, err
	}
	return endWith(ctx, s, b.rounds, contest{lessIsBetter: true, ceiling: func(ctx context.Context, _ int) (float64, error) {
		return measure(ctx)
	}, ours: func(ctx context.Context, _ int) (figure float64, err error) {
		result, err := b.beside(ctx, o, func() (err error) {
			figure, err = measure(ctx)
			return err
		})
		if err != nil {
			return 0, err
		}
		b.note("%d/s offered: %s; %.0f µs", o.PerSecond, result, figure)
		if result.Statuses[http.StatusOK] > most(result) {
			err = fmt.Errorf("too many requests were accepted: %s", result)
		}
		return figure, err
	}})
}

// endWith runs a contest, and stops the service.
func endWith(ctx context.Context, s *service, rounds int, c contest) (outcome, error) {
	o, err := c.run(ctx, rounds)
	return o, errors.Join(err, s.stop())
}

// paced sends requests with each key, one after the other with a pause between their
// beginnings, and returns their response times.
func (b *bench) paced(ctx context.Context, s *service, keys []string, pause time.Duration) ([]time.Duration, error) {
	group, working := errgroup.WithContext(ctx)
	var mu sync.Mutex
	var all []time.Duration
	began := time.Now()
	for _, key := range keys {
		group.Go(func() error {
			c, err := dial(working, s.address)
			if err != nil {
				return err
			}
			defer c.close()
			request := race{method: http.MethodGet, path: readPath}.request(key, nil)
			tick := time.NewTicker(pause)
			defer tick.Stop()
			var took []time.Duration
			for working.Err() == nil && time.Since(began) < b.duration {
				<-tick.C
				sent := time.Now()
				if err := c.exchange(request, http.StatusOK); err != nil {
					return err
				}
				took = append(took, time.Since(sent))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			return nil
		})
	}
	err := group.Wait()
	if err == nil && len(all) == 0 {
		err = errors.New("no request was made; measure for longer")
	}
	return all, err
}
