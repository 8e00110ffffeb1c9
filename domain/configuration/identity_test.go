package configuration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

func TestKey(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, text string
		ok         bool
	}{
		{name: "one letter", text: "a", ok: true},
		{name: "one digit", text: "0", ok: true},
		{name: "one underscore", text: "_", ok: true},
		{name: "every character", text: "aZ9._-:/@+x", ok: true},
		{name: "255 bytes", text: strings.Repeat("k", 255), ok: true},
		{name: "dots inside a segment", text: "a..b/...", ok: true},
		{name: "empty", text: ""},
		{name: "256 bytes", text: strings.Repeat("k", 256)},
		{name: "begins with a dot", text: ".a"},
		{name: "begins with a dash", text: "-a"},
		{name: "begins with a slash", text: "/a"},
		{name: "begins with a plus", text: "+a"},
		{name: "two slashes", text: "a//b"},
		{name: "a slash at the end", text: "a/"},
		{name: "a segment of one dot", text: "a/./b"},
		{name: "a segment of two dots", text: "a/.."},
		{name: "a space", text: "a b"},
		{name: "a percent sign", text: "a%2Fb"},
		{name: "a NUL", text: "a\x00"},
		{name: "a letter beyond ASCII", text: "schlüssel"},
		{name: "invalid UTF-8", text: "a\xff"},
		{name: "the replacement character", text: "a\ufffd"},
		{name: "a newline at the end", text: "a\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			key, err := configuration.ParseKey(row.text)
			if row.ok {
				require.NoError(t, err)
				assert.Equal(t, row.text, key.String())
				return
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			assert.Equal(t, "key", fault.Of(err).Fields()[0].Name)
		})
	}
}

func TestBeginsKey(t *testing.T) {
	t.Parallel()

	t.Run("every beginning of every key begins a key", rapid.MakeCheck(func(t *rapid.T) {
		text := rapid.StringMatching(`[A-Za-z0-9_][A-Za-z0-9._\-:/@+]{0,60}`).Draw(t, "key")
		if _, err := configuration.ParseKey(text); err != nil {
			t.Skip("not a key")
		}
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		assert.True(t, configuration.BeginsKey(text[:cut]))
	}))

	t.Run("what no key holds begins none", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"%", "a b", "\x00", "\xff", strings.Repeat("k", 256)} {
			assert.False(t, configuration.BeginsKey(text), text)
		}
	})
}

func TestValueAndDescription(t *testing.T) {
	t.Parallel()
	value := func(text string) error { _, err := configuration.ParseValue(text); return err }
	description := func(text string) error { _, err := configuration.ParseDescription(text); return err }
	rows := []struct {
		name, text string
		parse      func(string) error
		field      string
	}{
		{name: "the empty value", parse: value},
		{name: "a value of 256 KiB", text: strings.Repeat("v", 256<<10), parse: value},
		{name: "a value of 256 KiB and a byte", text: strings.Repeat("v", 256<<10+1), parse: value, field: "value"},
		{name: "a value with NUL", text: "a\x00b", parse: value, field: "value"},
		{name: "a value of invalid UTF-8", text: "\xed\xa0\x80", parse: value, field: "value"},
		{name: "the empty description", parse: description},
		{name: "a description of 4 KiB", text: strings.Repeat("d", 4<<10), parse: description},
		{name: "a description of 4 KiB and a byte", text: strings.Repeat("d", 4<<10+1), parse: description, field: "description"},
		{name: "a description with NUL", text: "\x00", parse: description, field: "description"},
		{name: "a description of invalid UTF-8", text: "\xff", parse: description, field: "description"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := row.parse(row.text)
			if row.field == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			assert.Equal(t, row.field, fault.Of(err).Fields()[0].Name)
		})
	}
}
