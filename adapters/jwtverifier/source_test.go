package jwtverifier_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/jwtverifier"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// issuerWith returns an issuer that answers by a handler.
func issuerWith(t *testing.T, handler http.HandlerFunc) trust.Issuer {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	issuer := fixture.NewParty(t).Trusted()
	issuer.URL = server.URL
	return issuer
}

// forgedFor returns a token of an issuer that nobody's key has signed.
func forgedFor(t *testing.T, issuer trust.Issuer) string {
	t.Helper()
	claims := fixture.NewParty(t).Claims(noon, map[string]any{"iss": issuer.URL})
	return fixture.SignedToken(t, jose.RS256, "unknown", fixture.KeysOfParties().Other, claims)
}

func TestOneWaitsTooManyForAnIssuer(t *testing.T) {
	t.Parallel()
	answer := make(chan struct{})
	issuer := issuerWith(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		http.Error(w, "away", http.StatusServiceUnavailable)
	})
	token := forgedFor(t, issuer)
	v := jwtverifier.New()
	results := make(chan error)
	for range jwtverifier.MaxWaiting + 1 {
		go func() {
			_, err := v.Verify(t.Context(), token, issuer, noon)
			results <- err
		}()
	}
	next := func() error {
		select {
		case err := <-results:
			return err
		case <-time.After(5 * time.Second):
			return assert.AnError
		}
	}
	require.ErrorIs(t, next(), trust.ErrIssuerUnavailable, "the issuer has not answered")
	select {
	case <-results:
		require.Fail(t, "more than one did not wait")
	default:
	}
	close(answer)
	for range jwtverifier.MaxWaiting {
		require.ErrorIs(t, next(), trust.ErrIssuerUnavailable)
	}
}

func TestErrorsHaveNoTextOfAnIssuer(t *testing.T) {
	t.Parallel()
	const secret = "text-of-the-issuer"
	for name, handler := range map[string]http.HandlerFunc{
		"a status":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, http.StatusInternalServerError) },
		"no JSON":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>" + secret)) },
		"another issuer": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"issuer": "` + secret + `"}`)) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/"+secret, http.StatusFound)
		},
		"a broken address": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"issuer": "http://` + r.Host + `", "jwks_uri": "http://` + secret + `\u007f"}`))
		},
		"long headers": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat(secret, 1<<13)) },
	} {
		issuer := issuerWith(t, handler)
		_, err := jwtverifier.New().Verify(t.Context(), forgedFor(t, issuer), issuer, noon)
		require.ErrorIs(t, err, trust.ErrIssuerUnavailable, name)
		assert.NotContains(t, err.Error(), secret, name)
		assert.NotContains(t, fault.Of(err).Error(), secret, name)
	}
}
