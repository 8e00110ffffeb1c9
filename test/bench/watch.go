package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// watching is the number of open streams.
const watching = 5000

// watchMemory measures the memory of idle streams.
func watchMemory(ctx context.Context, b *bench) (outcome, error) {
	memory, _, err := b.watch(ctx)
	return outcome{value: memory}, err
}

// watchDelivery measures the time from a write until the last stream has its change.
func watchDelivery(ctx context.Context, b *bench) (outcome, error) {
	_, delivered, err := b.watch(ctx)
	return outcome{value: delivered}, err
}

// watch opens streams and makes changes. It returns the additional memory of the service in
// MiB, and the median time of delivery to all streams in milliseconds.
func (b *bench) watch(ctx context.Context) (memory, delivery float64, err error) {
	dir, err := b.folder()
	if err != nil {
		return 0, 0, err
	}
	s, err := b.serve(ctx, sqliteURL(filepath.Join(dir, "watch.db")))
	if err != nil {
		return 0, 0, err
	}
	before, err := s.rss()
	if err != nil {
		return 0, 0, err
	}
	streams, err := s.openStreams(ctx)
	defer func() {
		for _, stream := range streams {
			_ = stream.Close()
		}
	}()
	if err != nil {
		return 0, 0, err
	}
	after, err := s.rss()
	if err != nil {
		return 0, 0, err
	}
	var figures []float64
	for round := range b.rounds {
		took, err := s.deliverAll(ctx, streams, fmt.Sprintf("k%d", round))
		if err != nil {
			return 0, 0, err
		}
		figures = append(figures, float64(took.Microseconds())/1000)
	}
	return after - before, median(figures), s.stop()
}

// stream is an open stream.
type stream struct {
	net.Conn

	lines *bufio.Reader
}

func (s *service) openStreams(ctx context.Context) ([]stream, error) {
	streams := make([]stream, 0, watching)
	request := []byte("GET /api/v1/changes/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: ApiKey " + s.key + "\r\n\r\n")
	for range watching {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
		if err != nil {
			return streams, fmt.Errorf("open stream %d: %w", len(streams)+1, err)
		}
		one := stream{Conn: conn, lines: bufio.NewReaderSize(conn, 1024)}
		streams = append(streams, one)
		if _, err := conn.Write(request); err != nil {
			return streams, fmt.Errorf("open stream %d: %w", len(streams), err)
		}
		if err := one.await([]byte("retry: ")); err != nil {
			return streams, err
		}
	}
	return streams, nil
}

// await reads until a line with a prefix.
func (s stream) await(prefix []byte) error {
	if err := s.SetReadDeadline(time.Now().Add(processTimeout)); err != nil {
		return fmt.Errorf("read a stream: %w", err)
	}
	for {
		line, err := s.lines.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read a stream: %w", err)
		}
		if bytes.HasPrefix(line, prefix) {
			return nil
		}
	}
}

// deliverAll makes a change, waits until every stream has received it, and returns the
// time.
func (s *service) deliverAll(ctx context.Context, streams []stream, key string) (time.Duration, error) {
	var waiting errgroup.Group
	for _, one := range streams {
		waiting.Go(func() error { return one.await([]byte("data: ")) })
	}
	body := fmt.Sprintf(`{"key":%q,"value":"v","environment":"production","service_name":"shop"}`, key)
	began := time.Now()
	if _, err := s.call(ctx, http.MethodPost, "/api/v1/config/", body, http.StatusCreated); err != nil {
		return 0, err
	}
	err := waiting.Wait()
	return time.Since(began), err
}
