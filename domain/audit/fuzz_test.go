package audit_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/audit"
)

// FuzzParse asserts that only canonical texts are entries: a stored text has one reading.
func FuzzParse(f *testing.F) {
	canonical := string(entry(1).Canonical())
	for _, text := range []string{
		canonical, "", "{}", "null", " " + canonical, canonical + " ", strings.Replace(canonical, `"count":1`, `"count":1e0`, 1),
		strings.Replace(canonical, "shop", `sh\u006fp`, 1), strings.Replace(canonical, "shop", "\xff", 1),
		strings.Replace(canonical, `"is_encrypted":"true"`, `"a":"1","a":"2"`, 1), strings.Replace(canonical, "000001Z", "000001+00:00", 1),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, err := audit.Parse([]byte(text))
		if err != nil {
			return
		}
		require.Equal(t, text, string(read.Canonical()))
		require.True(t, jsontext.Value(text).IsValid(), "it is JSON without repeated names: %s", text)
	})
}

// FuzzCanonical asserts that the canonical form of any texts is read again as they were.
func FuzzCanonical(f *testing.F) {
	f.Add("name", "a fact", "\x00\"\\\u2028\U0001F600")
	f.Add("\xff", "\ud7ff", "\x7f")
	f.Fuzz(func(t *testing.T, name, fact, value string) {
		e := entry(1)
		e.Resource.Name, e.Facts = name, map[string]string{fact: value}
		canonical := e.Canonical()
		require.True(t, jsontext.Value(canonical).IsValid(), "%s", canonical)
		if !utf8.ValidString(name + "\x00" + fact + "\x00" + value) {
			return
		}
		read, err := audit.Parse(canonical)
		require.NoError(t, err)
		require.Equal(t, e, read)
	})
}
