package flagstore_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// drawFlag draws the JSON of a flag, which may be invalid.
func drawFlag(t *rapid.T) string {
	kind := rapid.SampledFrom([]string{"boolean", "string", "integer", "float", "object"}).Draw(t, "type")
	value := map[string]*rapid.Generator[string]{
		"boolean": rapid.SampledFrom([]string{"true", "false"}),
		"string":  rapid.Custom(func(t *rapid.T) string { return storetest.Quoted(storetest.DrawText().Draw(t, "text")) }),
		"integer": storetest.DrawNumber(), "float": storetest.DrawNumber(), "object": storetest.DrawObject(3),
	}[kind]
	condition := func(label string) string {
		values := rapid.SliceOfN(rapid.OneOf(storetest.DrawNumber(), rapid.Custom(func(t *rapid.T) string {
			return storetest.Quoted(storetest.DrawText().Draw(t, "text"))
		})), 1, 3).Draw(t, label)
		return fmt.Sprintf(`{"attribute":%s,"operator":%q,"values":[%s],"negate":%v}`, storetest.Quoted(storetest.DrawText().Draw(t, label+" attribute")),
			rapid.SampledFrom([]string{"equals", "one_of", "less", "greater", "starts_with", "in"}).Draw(t, label+" operator"),
			strings.Join(values, ","), rapid.Bool().Draw(t, label+" negate"))
	}
	users, err := json.Marshal(rapid.SliceOfNDistinct(storetest.DrawText(), 0, 3, rapid.ID).Draw(t, "users"))
	require.NoError(t, err)
	weight := rapid.IntRange(0, 1_000_000).Draw(t, "weight")
	return fmt.Sprintf(`{"type":%q,"variants":{"a":%s,"b":%s},"off_variant":"b","target_variant":"a","target_users":%s,"is_enabled":%v,`+
		`"default":{"allocation":{"a":%d,"b":%d}},"rules":[{"variant":"b","conditions":[%s],"share":{"percentage":%s}}],"bucket_by":%s}`,
		kind, value.Draw(t, "a"), value.Draw(t, "b"), users, rapid.Bool().Draw(t, "on"), weight, 1_000_000-weight,
		condition("condition"), flag.Percentage(rapid.Uint32Range(0, 1_000_000).Draw(t, "share")),
		storetest.Quoted(storetest.DrawText().Draw(t, "bucket by")))
}

func TestFlagsRoundTrip(t *testing.T) {
	t.Parallel()
	storetest.EachStore(t, func(t *rapid.T, store *bunstore.Store, n int) {
		c, err := flag.ParseCreation(t.Context(), []byte(drawFlag(t)))
		if err != nil {
			t.Skip("invalid flag")
		}
		d, err := flag.Define(c, fixture.Salt)
		if err != nil {
			t.Skip("invalid flag")
		}
		identity, err := flag.Locator{
			Environment: rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,9}`).Draw(t, "environment"),
			Name:        rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._:-]{0,20}`).Draw(t, "name") + strconv.Itoa(n),
		}.Parse()
		require.NoError(t, err)
		f := flag.New(identity, flag.Draft{Description: storetest.DrawDescription(t), Definition: d}, storetest.DrawStamp(t, "created"))
		next, err := flag.ParseChange(t.Context(), []byte(`{"is_enabled":`+strconv.FormatBool(!d.Enabled())+`}`))
		require.NoError(t, err)
		if _, err := f.Update(next, storetest.DrawStamp(t, "updated")); err != nil {
			t.Skip("invalid change")
		}
		if rapid.Bool().Draw(t, "deleted") {
			require.NoError(t, f.Delete(storetest.DrawStamp(t, "deleted")))
		}
		entries := f.Unsaved().Entries
		require.NoError(t, flagstore.New(store).Save(t.Context(), f))
		found, err := flagstore.New(store).Find(t.Context(), f.ID())
		require.NoError(t, err)
		require.Equal(t, f.State().Definition.JSON(), found.State().Definition.JSON())
		require.Equal(t, [2]any{f.State().Description, f.State().Lifecycle}, [2]any{found.State().Description, found.State().Lifecycle})
		history, err := flagstore.New(store).Entries(t.Context(), f.ID(), scope.Window{Limit: 10})
		require.NoError(t, err)
		stored, total := history.Items, history.Total
		require.Equal(t, len(entries), total)
		for i, e := range entries {
			k := stored[total-1-i]
			require.Equal(t, [3]any{e.Action, e.Version, e.Stamp}, [3]any{k.Action, k.Version, k.Stamp})
			require.Equal(t, [2]string{text(e.Old), text(e.New)}, [2]string{text(k.Old), text(k.New)})
		}
	})
}

// text returns a draft as text.
func text(d *flag.Draft) string {
	if d == nil {
		return "none"
	}
	description, given := d.Description.Text()
	return fmt.Sprint(d.Definition.JSON(), description, given)
}
