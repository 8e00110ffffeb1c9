package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

const readPath = "/api/v1/config/database.url?environment=" + environment + "&service_name=" + serviceName

// readHot measures reads of one cached configuration.
func readHot(ctx context.Context, b *bench) (outcome, error) {
	return b.race(ctx, race{
		method: http.MethodGet, path: readPath, status: http.StatusOK, prepare: prepareRead,
	})
}

// readUnchanged measures reads with a current entity tag.
func readUnchanged(ctx context.Context, b *bench) (outcome, error) {
	return b.race(ctx, race{
		method: http.MethodGet, path: readPath, status: http.StatusNotModified,
		prepare: func(ctx context.Context, s *service) ([]string, error) {
			_, err := prepareRead(ctx, s)
			return []string{"If-None-Match", `"1"`}, err
		},
	})
}

// prepareRead creates the configuration.
func prepareRead(ctx context.Context, s *service) ([]string, error) {
	body := fmt.Sprintf(`{"key":"database.url","value":%q,"environment":%q,"service_name":%q,"description":%q}`,
		value, environment, serviceName, description)
	_, err := s.call(ctx, http.MethodPost, "/api/v1/config/", body, http.StatusCreated)
	return nil, err
}

// serveBare runs this program as the ceiling of reads.
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
