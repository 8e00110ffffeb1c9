package jwtverifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/signalbox-hq/signalbox/domain/access/trust"
)

// keySet are the keys of an issuer, for the verification of one token.
type keySet interface {
	oidc.KeySet
	// unavailable returns why the keys are not known, or nil.
	unavailable() error
}

var (
	errNoKey     = errors.New("no key of the issuer has signed the token")
	errKeys      = errors.New("the key set is malformed or empty")
	errHeader    = errors.New("the token has a header (crit, b64) that a JWT cannot have here")
	errMetadata  = errors.New("the metadata of the issuer are malformed")
	errIssuer    = errors.New("the metadata are those of another issuer")
	errBusy      = errors.New("too many callers wait for the issuer")
	errRequested = errors.New("the keys were requested a moment ago")
)

// parseKeys returns the keys of a set that can verify signatures. Others are left out, as RFC
// 7517 section 5 says.
func parseKeys(text []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) > trust.MaxKeys {
		return nil, errKeys
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && !unusable(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errKeys
	}
	return keys, nil
}

// unusable reports whether a key is not public, malformed or for encryption.
func unusable(key jose.JSONWebKey) bool {
	return !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig"
}

// parse returns the signed content of a token and the id of its key. The verifier of go-oidc
// has checked the algorithm. One that has to be understood by more than RFC 7515, or whose
// content is not encoded, is no JWT (RFC 7797 section 7).
func parse(token string) (*jose.JSONWebSignature, jose.Header, error) {
	algorithms := make([]jose.SignatureAlgorithm, 0, len(trust.Algorithms()))
	for _, name := range trust.Algorithms() {
		algorithms = append(algorithms, jose.SignatureAlgorithm(name))
	}
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, jose.Header{}, fmt.Errorf("parse a token: %w", err)
	}
	header := signed.Signatures[0].Protected
	for _, name := range []jose.HeaderKey{"crit", "b64"} {
		if _, given := header.ExtraHeaders[name]; given {
			return nil, jose.Header{}, errHeader
		}
	}
	return signed, header, nil
}

// verify returns the payload where a key has signed it, and whether there is a key that
// could have.
func verify(signed *jose.JSONWebSignature, header jose.Header, keys []jose.JSONWebKey) (payload []byte, known bool) {
	for _, key := range keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		known = known || header.KeyID != ""
		if content, err := signed.Verify(key); err == nil {
			return content, true
		}
	}
	return nil, known
}

// givenKeys are keys that do not change.
type givenKeys struct{ keys []jose.JSONWebKey }

// VerifySignature returns the payload of a token that a key has signed.
func (g givenKeys) VerifySignature(_ context.Context, token string) ([]byte, error) {
	signed, header, err := parse(token)
	if err != nil {
		return nil, err
	}
	payload, _ := verify(signed, header, g.keys)
	if payload == nil {
		return nil, errNoKey
	}
	return payload, nil
}

func (givenKeys) unavailable() error { return nil }
