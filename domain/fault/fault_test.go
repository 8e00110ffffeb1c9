package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

func TestError(t *testing.T) {
	t.Parallel()
	sentinel := fault.New(fault.Conflict, "taken", "It is taken.")

	t.Run("a sentinel is found by its code, whatever was added", func(t *testing.T) {
		t.Parallel()
		err := fmt.Errorf("save: %w", sentinel.WithField("key", "is taken").WithDetail("id", 7).WithCause(io.EOF))
		require.ErrorIs(t, err, sentinel)
		require.ErrorIs(t, err, io.EOF)
		require.NotErrorIs(t, err, fault.ErrInvalid)
	})

	t.Run("adding leaves the sentinel as it was", func(t *testing.T) {
		t.Parallel()
		changed := sentinel.WithField("a", "b").WithDetail("c", 1).WithMessage("Other.").WithCause(io.EOF)
		assert.Empty(t, sentinel.Fields())
		assert.Empty(t, sentinel.Details())
		require.NoError(t, sentinel.Unwrap())
		assert.Equal(t, "It is taken.", sentinel.Message())
		assert.Equal(t, "Other.", changed.Message())
		assert.Equal(t, []fault.Field{{Name: "a", Message: "b"}}, changed.Fields())
		assert.Equal(t, []fault.Detail{{Name: "c", Value: 1}}, changed.Details())
	})

	t.Run("two additions to one sentinel are independent", func(t *testing.T) {
		t.Parallel()
		base := fault.Bad("a", "1").WithField("b", "2")
		one, two := base.WithField("c", "3"), base.WithField("d", "4")
		assert.Equal(t, "c", one.Fields()[2].Name)
		assert.Equal(t, "d", two.Fields()[2].Name)
	})

	t.Run("the text names code, message, fields and cause", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "taken: It is taken. [key: is taken]: EOF",
			sentinel.WithField("key", "is taken").WithCause(io.EOF).Error())
	})
}

func TestOf(t *testing.T) {
	t.Parallel()
	assert.Nil(t, fault.Of(nil))
	assert.Equal(t, fault.ErrUnavailable, fault.Of(fmt.Errorf("a: %w", fault.ErrUnavailable)))
	foreign := errors.New("foreign")
	ours := fault.Of(foreign)
	assert.Equal(t, fault.Internal, ours.Kind())
	require.ErrorIs(t, ours, foreign)
}

func TestMerge(t *testing.T) {
	t.Parallel()

	t.Run("the fields of several errors are merged in order", func(t *testing.T) {
		t.Parallel()
		err := fault.Merge(nil, fault.Bad("a", "1"), nil, fault.Bad("b", "2").WithField("c", "3"))
		require.ErrorIs(t, err, fault.ErrInvalid)
		assert.Equal(t, []fault.Field{{"a", "1"}, {"b", "2"}, {"c", "3"}}, fault.Of(err).Fields())
		assert.Empty(t, fault.ErrInvalid.Fields())
	})

	t.Run("nothing wrong is nil", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, fault.Merge())
		require.NoError(t, fault.Merge(nil, nil))
	})

	t.Run("another failure comes first as it is", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, io.EOF, fault.Merge(fault.Bad("a", "1"), io.EOF))
	})
}

func TestBounds(t *testing.T) {
	t.Parallel()
	many := make([]error, 1000)
	for i := range many {
		many[i] = fault.Bad(fmt.Sprint("f", i), "is wrong")
	}

	t.Run("fifty fields are listed and the rest is counted, however they were added", func(t *testing.T) {
		t.Parallel()
		var collected fault.Collector
		added := fault.ErrInvalid
		for i := range many {
			collected.Bad(fmt.Sprint("f", i), "is wrong")
			added = added.WithField(fmt.Sprint("f", i), "is wrong")
		}
		halves := fault.Merge(fault.Merge(many[:500]...), fault.Merge(many[500:]...))
		for _, err := range []error{fault.Merge(many...), halves, collected.Err(), added, fault.Within("", added)} {
			f := fault.Of(err)
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.Len(t, f.Fields(), fault.MaxFields)
			assert.Equal(t, fault.Field{Name: "f49", Message: "is wrong"}, f.Fields()[49])
			assert.Equal(t, 950, f.Omitted())
			assert.Contains(t, f.Message(), "The first 50 are listed, and 950 more are not.")
		}
	})

	t.Run("fifty fields omit none", func(t *testing.T) {
		t.Parallel()
		f := fault.Of(fault.Merge(many[:50]...))
		assert.Zero(t, f.Omitted())
		assert.Equal(t, fault.ErrInvalid.Message(), f.Message())
	})

	t.Run("names and messages are clipped between runes", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("€", 1000)
		var c fault.Collector
		c.Bad(long, long)
		c.Prefix(0, "/"+long)
		for _, err := range []error{fault.Bad(long, long), fault.Within(long, fault.Bad("a", long)), c.Err()} {
			f := fault.Of(err).Fields()[0]
			assert.LessOrEqual(t, len(f.Name), fault.MaxFieldNameBytes)
			assert.LessOrEqual(t, len(f.Message), fault.MaxFieldMessageBytes)
			assert.True(t, strings.HasSuffix(f.Name, "€…") && utf8.ValidString(f.Name), f.Name)
			assert.True(t, utf8.ValidString(f.Message))
		}
	})
}

//nolint:paralleltest // AllocsPerRun measures the whole process
func TestCountingBeyondTheBoundAllocatesNothing(t *testing.T) {
	var c fault.Collector
	for range fault.MaxFields {
		c.Bad("a", "b")
	}
	assert.True(t, c.Full())
	assert.Zero(t, testing.AllocsPerRun(100, func() { c.Bad("a", "b") }))
}

func TestCollector(t *testing.T) {
	t.Parallel()
	var c fault.Collector
	c.Note(nil)
	require.NoError(t, c.Err())
	assert.False(t, c.Any())
	c.Bad("a", "1")
	mark := c.Listed()
	c.Bad("b", "2")
	c.Prefix(mark, "/x/")
	assert.Equal(t, []fault.Field{{"a", "1"}, {"/x/b", "2"}}, fault.Of(c.Err()).Fields())
	c.Note(io.EOF)
	c.Note(io.ErrUnexpectedEOF)
	assert.Equal(t, io.EOF, c.Err())
}

func TestKinds(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range fault.Kinds() {
		assert.NotEqual(t, "unknown", k.String())
		assert.False(t, seen[k.String()])
		seen[k.String()] = true
	}
	assert.Equal(t, "unknown", fault.Kind(0).String())
	assert.Equal(t, "unknown", fault.Kind(200).String())
}

func TestAnEmptyTextIsRequired(t *testing.T) {
	t.Parallel()
	const rule = "must be 1 to 50 letters"
	assert.Equal(t, []fault.Field{{"name", rule}}, fault.BadText("name", "!", rule).Fields())
	assert.Equal(t, []fault.Field{{"name", "is required, and " + rule}}, fault.BadText("name", "", rule).Fields())
}
