package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// clients is the number of concurrent clients, each with a connection of its own.
const clients = 32

// load repeats one request.
type load struct {
	name string
	// protocol is appended to the server's name where it answers over several.
	protocol string
	// connect returns a function that makes one request, for one client.
	connect func(ctx context.Context, client int) (request func() error, close func(), err error)
}

// tally is the outcome of a load.
type tally struct {
	requests int
	took     time.Duration
	p99      time.Duration
}

// run makes requests from all clients for a duration.
func (l load) run(ctx context.Context, d time.Duration) (tally, error) {
	var (
		mu     sync.Mutex
		times  []time.Duration
		failed error
		done   sync.WaitGroup
	)
	started := time.Now()
	for client := range clients {
		done.Go(func() {
			own, err := l.client(ctx, client, started.Add(d))
			mu.Lock()
			defer mu.Unlock()
			times = append(times, own...)
			if err != nil {
				failed = err
			}
		})
	}
	done.Wait()
	took := time.Since(started)
	if failed != nil || len(times) == 0 {
		return tally{}, fmt.Errorf("%d requests, then: %w", len(times), failed)
	}
	slices.Sort(times)
	return tally{requests: len(times), took: took, p99: times[len(times)*99/100]}, ctx.Err()
}

func (l load) client(ctx context.Context, client int, until time.Time) ([]time.Duration, error) {
	request, closed, err := l.connect(ctx, client)
	if err != nil {
		return nil, err
	}
	defer closed()
	var times []time.Duration
	for now := time.Now(); now.Before(until) && ctx.Err() == nil; {
		if err := request(); err != nil {
			return times, err
		}
		next := time.Now()
		times, now = append(times, next.Sub(now)), next
	}
	return times, nil
}

// overHTTP returns a connect function for a request, which must be answered with 200. The
// client writes to the connection itself: it shares the processors with the server, and
// net/http's client would cost as much as some of the servers.
func overHTTP(address, method, path, header string, body func(client int) string) func(context.Context, int) (func() error, func(), error) {
	return func(ctx context.Context, client int) (func() error, func(), error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, nil, err
		}
		in := bufio.NewReaderSize(conn, 64<<10)
		request := func() error {
			text := ""
			if body != nil {
				text = body(client)
			}
			if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s",
				method, path, address, header, len(text), text); err != nil {
				return err
			}
			response, err := http.ReadResponse(in, nil)
			if err != nil {
				return err
			}
			answer, err := io.ReadAll(response.Body)
			if err == nil && response.StatusCode != http.StatusOK {
				return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
			}
			return err
		}
		return request, func() { _ = conn.Close() }, nil
	}
}
