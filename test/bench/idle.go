package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// The memory of a service is measured after fewRequests and an idle time.
const (
	fewRequests = 20
	idle        = 2 * time.Second
)

// idleRSS measures the memory of an idle service on SQLite after a few requests.
func idleRSS(ctx context.Context, b *bench) (outcome, error) {
	dir, err := b.folder()
	if err != nil {
		return outcome{}, err
	}
	var figures []float64
	for round := range b.rounds {
		mib, err := b.rssAfterAFew(ctx, sqliteURL(filepath.Join(dir, fmt.Sprintf("%d.db", round))))
		if err != nil {
			return outcome{}, err
		}
		figures = append(figures, mib)
	}
	return outcome{value: median(figures)}, nil
}

func (b *bench) rssAfterAFew(ctx context.Context, databaseURL string) (float64, error) {
	s, err := b.serve(ctx, databaseURL)
	if err != nil {
		return 0, err
	}
	if _, err := prepareRead(ctx, s); err != nil {
		return 0, err
	}
	for range fewRequests {
		if _, err := s.call(ctx, http.MethodGet, readPath, "", http.StatusOK); err != nil {
			return 0, err
		}
	}
	select {
	case <-time.After(idle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	mib, err := s.rss()
	if err != nil {
		return 0, err
	}
	return mib, s.stop()
}

// ready measures the time from the start of the process to the first 200 of /readyz, on an
// existing SQLite database.
func ready(ctx context.Context, b *bench) (outcome, error) {
	dir, err := b.folder()
	if err != nil {
		return outcome{}, err
	}
	url := sqliteURL(filepath.Join(dir, "ready.db"))
	var figures []float64
	for start := range 2*b.rounds + 1 {
		began := time.Now()
		s, err := b.serve(ctx, url)
		if err != nil {
			return outcome{}, err
		}
		// The first start creates the database and is not measured.
		if start > 0 {
			figures = append(figures, float64(time.Since(began).Microseconds())/1000)
		}
		if err := s.stop(); err != nil {
			return outcome{}, err
		}
	}
	return outcome{value: median(figures)}, nil
}
