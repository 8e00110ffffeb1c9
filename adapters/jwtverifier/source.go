package jwtverifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

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
	// MaxWaiting is how many callers wait for one issuer at once: forged tokens of an issuer that
	// is slow do not take all places of a replica. For further ones it is unavailable.
	MaxWaiting = 128
	// MaxAddress bounds the address of the keys.
	maxAddress = 2 << 10
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
	// waiting counts the callers that wait for the issuer.
	waiting int
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
// request it is errRequested, or why that has failed; errBusy where MaxWaiting others wait.
func (s *source) refresh(ctx context.Context, at time.Time) error {
	if !s.enter() {
		return errBusy
	}
	defer s.leave()
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
	if s.isAway(at) || !s.enter() {
		return
	}
	defer s.leave()
	_, _ = flight.AwaitFor(ctx, renewWait) // whatever came of it, the keys of now are used
}

// enter counts a caller that waits for the issuer, and reports whether it may.
func (s *source) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= MaxWaiting {
		return false
	}
	s.waiting++
	return true
}

func (s *source) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
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

// fetch finds the keys by discovery (OpenID Connect Discovery 1.0 section 4). Its errors have no
// text of the issuer's answers, so that these are in no log.
func (s *source) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	body, err := s.get(ctx, strings.TrimSuffix(s.url, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, fmt.Errorf("discover an issuer: %w", err)
	}
	var found struct {
		Issuer string `json:"issuer"`
		KeySet string `json:"jwks_uri"`
	}
	if json.Unmarshal(body, &found) != nil || len(found.KeySet) > maxAddress {
		return nil, fmt.Errorf("discover an issuer: %w", errMetadata)
	}
	if found.Issuer != s.url {
		return nil, fmt.Errorf("discover an issuer: %w", errIssuer)
	}
	if body, err = s.get(ctx, found.KeySet); err != nil {
		return nil, fmt.Errorf("read the keys of an issuer: %w", err)
	}
	return parseKeys(body)
}

// get returns the body of an answer 200.
func (s *source) get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errMetadata // the error has the address, which may be long
	}
	response, err := s.client.Do(request)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok { // it has the address
			err = failed.Err
		}
		return nil, fmt.Errorf("request: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("request: status %d", response.StatusCode)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return body, nil
}

// discoveredKeys are the keys of a source at a time.
type discoveredKeys struct {
	source *source
	at     time.Time
	err    error
}

// VerifySignature returns the payload of a token that a key has signed. A token that no known
// key has signed has the keys requested again: the issuer may have replaced a key, also under
// the same id. Where they cannot be, a token with the id of a known key is forged as far as
// is known.
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
	if payload != nil {
		return payload, nil
	}
	err = d.source.refresh(ctx, d.at)
	switch {
	case err == nil, errors.Is(err, errRequested):
	case known:
		return nil, errNoKey
	default:
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
