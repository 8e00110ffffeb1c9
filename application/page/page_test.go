package page_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// fields returns the fields that an error names.
func fields(err error) []string {
	var list []string
	if err != nil {
		for _, f := range fault.Of(err).Fields() {
			list = append(list, f.Name)
		}
	}
	return list
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		window scope.Window
		want   []string
	}{
		"the least":                 {scope.Window{Limit: 1}, nil},
		"the most":                  {scope.Window{Limit: page.MaxLimit, Offset: 1 << 40}, nil},
		"a position":                {scope.Window{Limit: 1, After: scope.Position{"a", "b"}}, nil},
		"no limit":                  {scope.Window{}, []string{"limit"}},
		"a limit too high":          {scope.Window{Limit: page.MaxLimit + 1}, []string{"limit"}},
		"a negative offset":         {scope.Window{Limit: 1, Offset: -1}, []string{"offset"}},
		"an offset with a position": {scope.Window{Limit: 1, Offset: 1, After: scope.Position{"a", "b"}}, []string{"offset"}},
		"too few values":            {scope.Window{Limit: 1, After: scope.Position{"a"}}, []string{"cursor"}},
		"too many values":           {scope.Window{Limit: 1, After: scope.Position{"a", "b", "c"}}, []string{"cursor"}},
		"a NUL":                     {scope.Window{Limit: 1, After: scope.Position{"a", "b\x00"}}, []string{"cursor"}},
		"no UTF-8":                  {scope.Window{Limit: 1, After: scope.Position{"a", "b\xff"}}, []string{"cursor"}},
		"all at once":               {scope.Window{Offset: -1, After: scope.Position{""}}, []string{"limit", "offset", "cursor"}},
	} {
		assert.Equal(t, c.want, fields(page.Check(c.window, 2)), name)
	}
}

func TestCheckNumbered(t *testing.T) {
	t.Parallel()
	require.NoError(t, page.CheckNumbered(scope.Window{Limit: 1}))
	require.NoError(t, page.CheckNumbered(scope.Window{Limit: 1, After: scope.Position{"17"}}))
	for _, position := range []scope.Position{
		{""}, {"0"}, {"-1"}, {"1.5"}, {"x"}, {"1 OR 1"}, {"9223372036854775808"}, {"1", "2"},
	} {
		assert.Equal(t, []string{"limit", "cursor"}, fields(page.CheckNumbered(scope.Window{After: position})), "%q", position)
	}
	n, err := page.Number(scope.Position{"17"})
	require.NoError(t, err)
	assert.Equal(t, int64(17), n)
}
