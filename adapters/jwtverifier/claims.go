package jwtverifier

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/signalbox-hq/signalbox/domain/access/trust"
)

// named are the claims of a token by their names, to the letter (RFC 7519 section 10.1.1). The
// fields that go-oidc has read are not used: it takes a claim "SUB" for the subject, as
// encoding/json does, which an issuer may let its users choose. Numbers are json.Number.
type named map[string]any

func claimsOf(token *oidc.IDToken) (named, error) {
	var body json.RawMessage
	if err := token.Claims(&body); err != nil {
		return nil, fmt.Errorf("read the claims of a token: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var claims named
	if err := decoder.Decode(&claims); err != nil {
		return nil, fmt.Errorf("read the claims of a token: %w", err)
	}
	return claims, nil
}

// under returns the claims of a token of an issuer, for one of its audiences, about a subject
// that can be shown, that is valid at a time; false for those of another one.
func (n named) under(issuer trust.Issuer, at time.Time) (trust.Claims, bool) {
	subject, _ := n["sub"].(string)
	expires, ok := n.expiresAfter(at.Add(-issuer.Skew))
	return trust.Claims{Subject: subject, Expires: expires, All: n}, ok &&
		n["iss"] == issuer.URL && n.isFor(issuer.Audiences) &&
		n.isBefore("nbf", at.Add(issuer.Skew)) && n.isBefore("iat", at.Add(issuer.Skew)) &&
		subject != "" && len(subject) <= trust.MaxTextBytes
}

// isFor reports whether one of the audiences is named (RFC 7519 section 4.1.3).
func (n named) isFor(audiences []string) bool {
	list, several := n["aud"].([]any)
	if !several {
		list = []any{n["aud"]}
	}
	return slices.ContainsFunc(list, func(one any) bool {
		audience, isText := one.(string)
		return isText && slices.Contains(audiences, audience)
	})
}

// expiresAfter returns the end of a token, and whether it has one (RFC 7519 section 4.1.4)
// that is later than a time.
func (n named) expiresAfter(at time.Time) (time.Time, bool) {
	expires, given, ok := secondsOf(n["exp"])
	return expires, given && ok && expires.After(at)
}

// isBefore reports whether a claim is absent, or a time that is not later than another one.
func (n named) isBefore(name string, at time.Time) bool {
	claimed, given, ok := secondsOf(n[name])
	return ok && (!given || !claimed.After(at))
}

// secondsOf returns the time of a claim (NumericDate, RFC 7519 section 2), whether there is
// one, and false for a claim that is no time.
func secondsOf(claim any) (at time.Time, given, ok bool) {
	if claim == nil {
		return time.Time{}, false, true
	}
	number, isNumber := claim.(json.Number)
	seconds, err := number.Float64()
	const most = 1 << 40 // some 35,000 years
	if !isNumber || err != nil || seconds < 0 || seconds > most {
		return time.Time{}, true, false
	}
	return time.Unix(int64(seconds), 0), true, true
}
