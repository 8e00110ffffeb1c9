package jwtverifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/signalbox-hq/signalbox/application/freshness"
)

const (
	// RefreshPause is the time between two requests for the keys of an issuer: tokens with
	// keys that do not exist do not cause more.
	RefreshPause = 10 * time.Second
	// RefreshAfter is the age at which keys are requested again, so that a key which the
	// issuer has withdrawn is not trusted for long.
	RefreshAfter = 5 * time.Minute
	// MaxAge is the age up to which keys are used while the issuer does not answer.
	MaxAge = 24 * time.Hour
	// FetchTimeout bounds discovery and the request for the keys together.
	fetchTimeout = 10 * time.Second
	// RenewWait bounds the wait for keys in place of old ones.
	renewWait = 2 * time.Second
)

// source finds the keys of an issuer.
type source struct {
	client *http.Client
	url    string
	loads  freshness.Group[struct{}, error]

	mu        sync.Mutex
	keys      []jose.JSONWebKey
	read      time.Time
	requested time.Time
	// failed is why the last request failed; nil where it did not.
	failed error
}

// current returns the keys and their age at a time. Keys that are too old, or none, are
// older than MaxAge.
func (s *source) current(at time.Time) (keys []jose.JSONWebKey, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age = at.Sub(s.read); s.keys == nil || age < 0 || age > MaxAge {
		return nil, MaxAge + 1
	}
	return s.keys, age
}

// refresh requests the keys, and waits for them. Within RefreshPause of the last
// request it is errRequested, or why that has failed.
func (s *source) refresh(ctx context.Context, at time.Time) error {
	err, landed := s.request(ctx, at).Await(ctx)
	if !landed {
		return fmt.Errorf("wait for the keys of an issuer: %w", context.Cause(ctx))
	}
	return err
}

// renew requests keys that are old, and waits for them, so that no token is accepted by keys that
// were withdrawn while there were no tokens. It waits for renewWait at most, and not at all
// while the issuer does not answer: then the old keys are used.
func (s *source) renew(ctx context.Context, at time.Time) {
	flight := s.request(ctx, at)
	if !s.isAway(at) {
		flight.AwaitFor(ctx, renewWait)
	}
}

// isAway reports whether the last request failed, RefreshAfter ago at most.
func (s *source) isAway(at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := at.Sub(s.requested)
	return s.failed != nil && 0 <= age && age <= RefreshAfter
}

// request starts a request for the keys, or joins the one in flight.
func (s *source) request(ctx context.Context, at time.Time) *freshness.Flight[error] {
	return s.loads.Do(ctx, struct{}{}, fetchTimeout, func(ctx context.Context) error { return s.load(ctx, at) })
}

func (s *source) load(ctx context.Context, at time.Time) error {
	s.mu.Lock()
	pause, failed := at.Sub(s.requested), s.failed
	if !s.requested.IsZero() && 0 <= pause && pause < RefreshPause {
		s.mu.Unlock()
		if failed != nil {
			return failed //nolint:wrapcheck // fetch has wrapped it
		}
		return errRequested
	}
	s.requested = at
	s.mu.Unlock()
	keys, err := s.fetch(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	if err == nil {
		s.keys, s.read = keys, at
	}
	return err
}

// fetch finds the keys by discovery (OpenID Connect Discovery 1.0 section 4), which compares
// the issuer.
func (s *source) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, s.client), s.url)
	if err != nil {
		return nil, fmt.Errorf("discover an issuer: %w", err)
	}
	var found struct {
		KeySet string `json:"jwks_uri"`
	}
	if err := provider.Claims(&found); err != nil {
		return nil, fmt.Errorf("read the metadata of an issuer: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, found.KeySet, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("request the keys of an issuer: %w", err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("request the keys of an issuer: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the keys of an issuer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("request the keys of an issuer: status %d", response.StatusCode)
	}
	return parseKeys(body)
}

// discoveredKeys are the keys of a source at a time.
type discoveredKeys struct {
	source *source
	at     time.Time
	err    error
}

// VerifySignature returns the payload of a token that a key has signed. A token with a key
// that is not known has the keys requested again.
func (d *discoveredKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, header, err := parse(token)
	if err != nil {
		return nil, err
	}
	keys, age := d.source.current(d.at)
	if keys != nil && age > RefreshAfter {
		d.source.renew(ctx, d.at)
		keys, _ = d.source.current(d.at)
	}
	payload, known := verify(signed, header, keys)
	switch {
	case payload != nil:
		return payload, nil
	case known:
		return nil, errNoKey
	}
	if err := d.source.refresh(ctx, d.at); err != nil && !errors.Is(err, errRequested) {
		d.err = err
		return nil, err
	}
	keys, _ = d.source.current(d.at)
	if payload, _ = verify(signed, header, keys); payload == nil {
		return nil, errNoKey
	}
	return payload, nil
}

func (d *discoveredKeys) unavailable() error { return d.err }
