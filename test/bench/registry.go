package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
)

// redisVariable names a Redis server.
const redisVariable = "TEST_REDIS_ADDR"

const registerPath = "/api/v1/registry/register"

// registered returns a function that registers instances of a service, whose leases do not
// end during the measurement.
func registered(name string, n int) func(context.Context, *service) ([]string, error) {
	return func(ctx context.Context, s *service) ([]string, error) {
		for i := range n {
			body := fmt.Sprintf(`{"service_name":%q,"instance_id":"i-%04d","service_url":"http://10.0.%d.%d:8080",`+
				`"zone":"eu-%d","version":"2.4.1","tags":["canary"],"ttl_seconds":3600}`, name, i, i/250, i%250, i%3)
			if _, err := s.call(ctx, http.MethodPost, registerPath, body, http.StatusCreated); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
}

// heartbeatRace renews one lease.
func heartbeatRace(service string) race {
	return race{
		method: http.MethodPut, path: "/api/v1/registry/" + service + "/instances/i-0000/heartbeat",
		body: `{"lease_epoch":1,"status":"healthy","response_time":12.5}`, status: http.StatusOK,
		prepare: registered(service, 1), decodes: oneHeartbeat,
	}
}

// heartbeat measures heartbeats in process.
func heartbeat(ctx context.Context, b *bench) (outcome, error) {
	return b.race(ctx, heartbeatRace("bench"))
}

// heartbeatRedis measures heartbeats through Redis.
func heartbeatRedis(ctx context.Context, b *bench) (outcome, error) {
	settings, err := redisSettings()
	if err != nil {
		return outcome{}, err
	}
	r := heartbeatRace(fmt.Sprintf("bench-%d", os.Getpid()))
	r.settings = settings
	return b.race(ctx, r)
}

// redisSettings returns the settings of a service that uses Redis.
func redisSettings() ([]string, error) {
	address := os.Getenv(redisVariable)
	if address == "" {
		return nil, &missingError{"set " + redisVariable + " to the address of a Redis server"}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%s is no address", redisVariable)
	}
	return []string{"REDIS_HOST=" + host, "REDIS_PORT=" + port}, nil
}

// heartbeatsInBatches measures batches of 1,000 on both sides, so that the ratio is also
// that of single heartbeats.
func heartbeatsInBatches(ctx context.Context, b *bench) (outcome, error) {
	const size = 1000
	list := make([]string, size)
	for i := range list {
		list[i] = fmt.Sprintf(`{"service_name":"bench","instance_id":"i-%04d","lease_epoch":%d}`, i, i+1)
	}
	o, err := b.race(ctx, race{
		method: http.MethodPost, path: "/api/v1/registry/heartbeats", status: http.StatusOK,
		body: `{"heartbeats":[` + strings.Join(list, ",") + `]}`, prepare: registered("bench", size), decodes: manyHeartbeats,
	})
	if err != nil {
		return outcome{}, err
	}
	o.value *= size
	*o.ceiling *= size
	return o, nil
}

// discover measures discovery of ten instances.
func discover(ctx context.Context, b *bench) (outcome, error) {
	return b.race(ctx, race{
		method: http.MethodGet, path: "/api/v1/discovery/bench", status: http.StatusOK, prepare: registered("bench", 10),
	})
}
