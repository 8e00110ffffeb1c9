package flag_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// repeated returns n fields with numbered names.
func repeated(n int, value string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"u` + strconv.Itoa(i) + `":` + value)
	}
	return b.String()
}

func TestWhatReadingADefinitionTakesIsBounded(t *testing.T) {
	t.Parallel()
	parse := func(text string) *fault.Error {
		_, err := flag.ParseCreation(t.Context(), []byte(text))
		require.ErrorIs(t, err, fault.ErrInvalid)
		return fault.Of(err)
	}

	t.Run("of a hundred thousand unknown fields fifty are listed and the rest is counted", func(t *testing.T) {
		t.Parallel()
		f := parse("{" + repeated(100_000, `[{"a":1}]`) + `,"name":7}`)
		assert.Len(t, f.Fields(), fault.MaxFields)
		assert.Equal(t, "/u0", f.Fields()[0].Name)
		assert.Equal(t, 100_001-fault.MaxFields, f.Omitted())
	})

	t.Run("so are those of an object within", func(t *testing.T) {
		t.Parallel()
		f := parse(`{"rules":[{"variant":"on",` + repeated(10_000, "1") + `}]}`)
		assert.Len(t, f.Fields(), fault.MaxFields)
		assert.Equal(t, 10_000-fault.MaxFields, f.Omitted())
	})

	t.Run("a list of too many values is rejected, in any field", func(t *testing.T) {
		t.Parallel()
		list := "[" + strings.Repeat("1,", flag.MaxDefinitionValues) + "1]"
		for _, text := range []string{`{"target_users":` + list + `}`, `{"rules":[` + list + `]}`, list} {
			f := parse(text)
			require.Len(t, f.Fields(), 1)
			assert.Contains(t, f.Fields()[0].Message, "must contain at most 500000 JSON values")
		}
	})

	t.Run("nesting beyond the bound is rejected", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			`{"variants":` + strings.Repeat("[", 1_000_000), strings.Repeat(`{"a":`, 1_000_000), `{"unknown":` + strings.Repeat("[", 1_000_000),
		} {
			parse(text)
		}
	})

	t.Run("truncated text and trailing text are invalid JSON", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"", " ", "{", `{"name"`, `{"name":`, `{"name":"a"`, `{"name":"a"}{}`, `{"x":1`, `{"rules":[`, `{"rules":{"a":1`} {
			f := parse(text)
			assert.Equal(t, "must be valid JSON", f.Fields()[0].Message, text)
		}
	})
}

func TestReadingADefinitionEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, text := range []string{
		`{"target_users":[` + strings.Repeat("1,", 10_000) + `1]}`, "{" + repeated(10_000, "1") + "}",
	} {
		_, err := flag.ParseCreation(ended, []byte(text))
		require.ErrorIs(t, err, context.Canceled)
		_, err = flag.ParseChange(ended, []byte(text))
		require.ErrorIs(t, err, context.Canceled)
	}
}
