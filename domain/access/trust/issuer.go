package trust

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Bounds of an issuer.
const (
	// MaxNameBytes is the longest name of an issuer or binding.
	MaxNameBytes = 100
	// MaxURLBytes is the longest URL.
	MaxURLBytes = 500
	// MaxAudiences bounds the audiences, and MaxTextBytes each.
	MaxAudiences = 20
	MaxTextBytes = 500
	// MaxKeySetBytes is the longest key set of an issuer without discovery, MaxKeys how
	// many keys it has.
	MaxKeySetBytes = 64 << 10
	MaxKeys        = 50
	// MaxSkew is the longest tolerance for clocks that differ.
	MaxSkew = 5 * time.Minute
	// DefaultSkew is the tolerance where none is given.
	DefaultSkew = 30 * time.Second
)

// Algorithms returns the signature algorithms that an issuer can be trusted with (RFC
// 7518 section 3.1, RFC 8037): none of them is keyed with a secret that is shared.
func Algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// DefaultAlgorithms returns those of an issuer for which none are given.
func DefaultAlgorithms() []string { return []string{"RS256", "ES256"} }

// Issuer is a party whose tokens are trusted.
type Issuer struct {
	ID   string
	Name string
	// URL is the claim "iss" of its tokens, to the letter. Without a KeySet it is a URL where
	// its keys are found (OpenID Connect Discovery 1.0 section 4).
	URL string
	// KeySet is a JSON Web Key Set (RFC 7517) with its public keys, or empty for discovery.
	KeySet string
	// Audiences are 1 to MaxAudiences, one of which a token must name.
	Audiences []string
	// Algorithms are 1 or more of Algorithms().
	Algorithms []string
	// Skew is by how much clocks may differ, 0 to MaxSkew.
	Skew time.Duration
	// Direct says that its tokens are accepted in place of API keys.
	Direct    bool
	Created   time.Time
	CreatedBy scope.Actor
}

func (i Issuer) check() error {
	return fault.Merge(checkName(i.Name), i.checkURL(), checkKeySet(i.KeySet), checkAudiences(i.Audiences),
		checkAlgorithms(i.Algorithms), checkSkew(i.Skew))
}

// Equal reports whether two issuers trust the same tokens.
func (i Issuer) Equal(o Issuer) bool {
	return i.URL == o.URL && i.KeySet == o.KeySet && slices.Equal(i.Audiences, o.Audiences) &&
		slices.Equal(i.Algorithms, o.Algorithms) && i.Skew == o.Skew && i.Direct == o.Direct
}

func (i Issuer) clone() Issuer {
	i.Audiences, i.Algorithms = slices.Clone(i.Audiences), slices.Clone(i.Algorithms)
	i.Created = i.Created.Truncate(time.Microsecond)
	return i
}

func checkName(name string) error {
	if name == "" || len(name) > MaxNameBytes || !printable(name) || strings.TrimSpace(name) != name {
		return fault.Bad("name", "must be 1 to 100 bytes of printable text without surrounding spaces")
	}
	return nil
}

func printable(text string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}

// checkURL refuses URLs from which keys cannot be read safely: keys that pass a network
// without TLS can be replaced on the way, and link-local addresses serve the secrets of
// cloud machines.
func (i Issuer) checkURL() error {
	if i.URL == "" || len(i.URL) > MaxURLBytes || !printable(i.URL) {
		return fault.Bad("issuer", "must be 1 to 500 bytes of printable text, as the claim iss has it")
	}
	if i.KeySet != "" {
		return nil
	}
	u, err := url.Parse(i.URL)
	switch {
	case err != nil, u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "", u.ForceQuery,
		u.Scheme != "https" && u.Scheme != "http":
		return fault.Bad("issuer", "must be a URL such as https://id.example.com, as the claim iss has it")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fault.Bad("issuer", "must have the scheme https; http is for loopback addresses")
	case isLinkLocal(u.Hostname()):
		return fault.Bad("issuer", "must not have a link-local address")
	}
	return nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

func isLinkLocal(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && (address.Unmap().IsLinkLocalUnicast() || address.Unmap().IsUnspecified())
}

// checkKeySet refuses sets without keys, and with keys that are not public. Whether a key
// is well-formed is for the verifier to say.
func checkKeySet(text string) error {
	if text == "" {
		return nil
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	const rule = "must be a JSON Web Key Set (RFC 7517) such as {\"keys\": [...]}, of 1 to 50 public keys"
	if len(text) > MaxKeySetBytes || json.Unmarshal([]byte(text), &set) != nil ||
		len(set.Keys) == 0 || len(set.Keys) > MaxKeys {
		return fault.Bad("jwks", rule)
	}
	for _, key := range set.Keys {
		kind, _ := key["kty"].(string)
		_, private := key["d"]
		switch {
		case kind == "oct":
			return fault.Bad("jwks", "must not have symmetric keys (kty oct)")
		case private:
			return fault.Bad("jwks", "must not have private keys; send their public parts")
		case kind != "RSA" && kind != "EC" && kind != "OKP":
			return fault.Bad("jwks", rule)
		}
	}
	return nil
}

func checkAudiences(list []string) error {
	if len(list) == 0 || len(list) > MaxAudiences {
		return fault.Bad("audiences", "must have 1 to 20 entries, one of which a token has to name")
	}
	for _, audience := range list {
		if audience == "" || len(audience) > MaxTextBytes || !printable(audience) {
			return fault.Bad("audiences", "must have entries of 1 to 500 bytes of printable text")
		}
	}
	return nil
}

func checkAlgorithms(list []string) error {
	unknown := func(a string) bool { return !slices.Contains(Algorithms(), a) }
	if len(list) == 0 || len(list) > len(Algorithms()) || slices.ContainsFunc(list, unknown) {
		return fault.Bad("algorithms", "must be some of "+strings.Join(Algorithms(), ", "))
	}
	return nil
}

func checkSkew(skew time.Duration) error {
	if skew < 0 || skew > MaxSkew || skew%time.Second != 0 {
		return fault.Bad("clock_skew_seconds", "must be 0 to "+strconv.Itoa(int(MaxSkew/time.Second)))
	}
	return nil
}
