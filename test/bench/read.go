package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
)

const readPath = "/api/v1/config/database.url?environment=" + environment + "&service_name=" + serviceName

// readSQLite measures reads of one configuration straight from SQLite.
func readSQLite(ctx context.Context, b *bench) (outcome, error) {
	dir, err := b.folder()
	if err != nil {
		return outcome{}, err
	}
	return b.measureReads(ctx, sqliteURL(filepath.Join(dir, "read.db")))
}

// readPostgres measures reads of one configuration straight from PostgreSQL.
func readPostgres(ctx context.Context, b *bench) (outcome, error) {
	url, drop, err := createDatabase(ctx, b, "read")
	if err != nil {
		return outcome{}, err
	}
	defer drop()
	return b.measureReads(ctx, url)
}

func (b *bench) measureReads(ctx context.Context, databaseURL string) (outcome, error) {
	s, err := b.serve(ctx, databaseURL)
	if err != nil {
		return outcome{}, err
	}
	a, err := s.prepareRead(ctx)
	if err != nil {
		return outcome{}, err
	}
	bare, address, err := b.serveBare(ctx, a)
	if err != nil {
		return outcome{}, err
	}
	request := []byte("GET " + readPath + " HTTP/1.1\r\nHost: bench\r\nAuthorization: ApiKey " + s.key + "\r\n\r\n")
	reads := func(p *process, address string) func(context.Context, int) (float64, error) {
		l := load{
			address: address, status: http.StatusOK,
			request: func() func() []byte { return func() []byte { return request } },
		}
		return func(ctx context.Context, _ int) (float64, error) { return b.cpuPerRequest(ctx, p, l) }
	}
	o, err := contest{
		ours: reads(s.process, s.address), ceiling: reads(bare, address), lessIsBetter: true,
	}.run(ctx, b.rounds)
	if err != nil {
		return outcome{}, err
	}
	if err := bare.stop(); err != nil {
		return outcome{}, err
	}
	return o, s.stop()
}

// prepareRead creates what is read and returns the answer that a reader gets.
func (s *service) prepareRead(ctx context.Context) (answer, error) {
	body := fmt.Sprintf(`{"key":"database.url","value":%q,"environment":%q,"service_name":%q,"description":%q}`,
		value, environment, serviceName, description)
	if _, err := s.call(ctx, http.MethodPost, "/api/v1/config/", body, http.StatusCreated); err != nil {
		return answer{}, err
	}
	return s.call(ctx, http.MethodGet, readPath, "", http.StatusOK)
}

// cpuPerRequest returns the processor time that a process spends on a request,
// in microseconds.
func (b *bench) cpuPerRequest(ctx context.Context, p *process, l load) (float64, error) {
	if _, err := l.run(ctx, b.warmUp()); err != nil {
		return 0, err
	}
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	t, err := l.run(ctx, b.duration)
	if err != nil {
		return 0, err
	}
	after, err := p.cpu()
	if err != nil {
		return 0, err
	}
	return float64((after - before).Microseconds()) / float64(t.Requests), nil
}

// serveBare starts this program as the ceiling of reads.
func (b *bench) serveBare(ctx context.Context, a answer) (*process, string, error) {
	encoded, err := json.Marshal(a)
	if err != nil {
		return nil, "", fmt.Errorf("encode the answer: %w", err)
	}
	cmd := b.ceiling(ctx, httpCeiling)
	cmd.Stdin = bytes.NewReader(encoded)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", fmt.Errorf("start the ceiling: %w", err)
	}
	p, err := b.launch(cmd)
	if err != nil {
		return nil, "", err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = p.stop()
		return nil, "", fmt.Errorf("start the ceiling: %w", err)
	}
	return p, strings.TrimSpace(address), nil
}
