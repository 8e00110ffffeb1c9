package trust

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// MaxTokenBytes is the longest token that is read.
const MaxTokenBytes = 16 << 10

// Claims are what a verified token says.
type Claims struct {
	Subject string
	// Expires is when the token ends, without a tolerance.
	Expires time.Time
	// All are the claims as JSON has them; numbers are json.Number.
	All map[string]any
}

// texts returns the texts of the claim at a JSON pointer (RFC 6901): of a list those of
// its elements. Objects, null and absent claims have none.
func (c Claims) texts(pointer string) []string {
	var at any = c.All
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch within := at.(type) {
		case map[string]any:
			at = within[token]
		case []any:
			n, err := strconv.Atoi(token)
			if err != nil || n < 0 || n >= len(within) || strconv.Itoa(n) != token {
				return nil
			}
			at = within[n]
		default:
			return nil
		}
	}
	list, isList := at.([]any)
	if !isList {
		list = []any{at}
	}
	var texts []string
	for _, one := range list {
		if text, ok := textOf(one); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// NamedIssuer returns the claim "iss" of a token in the compact form (RFC 7515 section
// 7.1), or false for a text of another form. It verifies nothing.
func NamedIssuer(token string) (string, bool) {
	if len(token) > MaxTokenBytes || strings.Count(token, ".") != 2 {
		return "", false
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return "", false
	}
	// A struct would also take a claim "ISS".
	var claims map[string]json.RawMessage
	var issuer string
	if json.Unmarshal(body, &claims) != nil || json.Unmarshal(claims["iss"], &issuer) != nil || issuer == "" {
		return "", false
	}
	return issuer, true
}

// IsToken reports whether a text has the form of a token: three parts of base64url. API
// keys do not.
func IsToken(text string) bool {
	if len(text) > MaxTokenBytes || !strings.HasPrefix(text, "eyJ") {
		return false
	}
	dots := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.':
			dots++
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', c == '-', c == '_':
		default:
			return false
		}
	}
	return dots == 2 //nolint:mnd // the header, the claims and the signature
}
