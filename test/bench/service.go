package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// service is a running binary.
type service struct {
	*process
	address string
	key     string
}

// serve starts the binary on a database with a port, a first key and the given settings,
// and waits until it is ready.
func (b *bench) serve(ctx context.Context, databaseURL string, settings ...string) (*service, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	key, err := firstKey()
	if err != nil {
		return nil, err
	}
	s := &service{address: net.JoinHostPort("127.0.0.1", port), key: key}
	settings = append(settings, "DATABASE_URL="+databaseURL, "SERVICE_PORT="+port, "BOOTSTRAP_ADMIN_KEY="+key)
	s.process, err = b.launch(b.signalbox(ctx, []string{"serve"}, settings...))
	if err != nil {
		return nil, err
	}
	if err := s.awaitReady(ctx); err != nil {
		_ = s.stop()
		return nil, err
	}
	return s, nil
}

// awaitReady requests /readyz every millisecond until it is 200.
func (s *service) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, processTimeout)
	defer cancel()
	request := []byte("GET /readyz HTTP/1.1\r\nHost: bench\r\n\r\n")
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		if s.answers(ctx, request) {
			return nil
		}
		select {
		case <-again.C:
		case <-s.ended:
			return fmt.Errorf("the service exited during its start: %s", s.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("wait for /readyz: %w", context.Cause(ctx))
		}
	}
}

func (s *service) answers(ctx context.Context, request []byte) bool {
	c, err := dial(ctx, s.address)
	if err != nil {
		return false
	}
	defer c.close()
	return c.exchange(request, http.StatusOK) == nil
}

// call makes one request that is not measured, by net/http's client, and returns the
// response, which must have that status.
func (s *service) call(
	ctx context.Context, method, path, body string, want int, header ...string,
) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Authorization", "ApiKey "+s.key)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Timeout: processTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if response.StatusCode != want {
		return answer{}, fmt.Errorf("%s %s: status %d: %s", method, path, response.StatusCode, text)
	}
	for _, name := range []string{"Connection", "Content-Length", "Date"} {
		response.Header.Del(name) // net/http adds them to every answer by itself
	}
	plain, _, _ := strings.Cut(path, "?")
	return answer{Method: method, Path: plain, Status: want, Header: response.Header, Body: text}, nil
}

// newKey makes a key that reads, and returns it.
func (s *service) newKey(ctx context.Context, name string) (string, error) {
	body := fmt.Sprintf(`{"name":%q,"grants":[{"role":"reader"}]}`, name)
	a, err := s.call(ctx, http.MethodPost, "/api/v1/access/keys/", body, http.StatusCreated)
	if err != nil {
		return "", err
	}
	var made struct{ Key string }
	if err := json.Unmarshal(a.Body, &made); err != nil {
		return "", fmt.Errorf("read a key: %w", err)
	}
	return made.Key, nil
}

// answer is the response of a ceiling, byte for byte, with the request that it is for.
type answer struct {
	Method string      `json:"method"`
	Path   string      `json:"path"`
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
	// Decodes is the kind of body that is decoded; see ceilingbody.go.
	Decodes string `json:"decodes"`
}

// freePort returns an unused port.
func freePort(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return "", fmt.Errorf("find a free port: %s is not a TCP address", l.Addr())
	}
	return strconv.Itoa(address.Port), nil
}

// firstKey returns a well-formed API key for the bench's databases.
func firstKey() (string, error) {
	token, err := access.NewToken(strings.Repeat("b", access.KeyIDLength), strings.Repeat("B", access.SecretLength))
	if err != nil {
		return "", fmt.Errorf("create a key: %w", err)
	}
	return token.Text().Reveal(), nil
}
