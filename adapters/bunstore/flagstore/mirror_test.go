package flagstore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestMirrorColumnsRepeatTheDefinition(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			f := fixture.Flag(t, `{"is_enabled":true,"rollout_percentage":33.3333,
				"target_users":["a\"b","{c}","d,e","ü'\\","NULL"," ","? $1"]}`)
			repeats := func(percentage float64) {
				t.Helper()
				mirror, err := flagstore.MirrorForTest(t.Context(), store, int64(f.ID()))
				require.NoError(t, err)
				d := f.State().Definition
				want := flagstore.Mirror{Enabled: d.Enabled(), Percentage: percentage, Users: d.Targets()}
				assert.Equal(t, want, mirror)
			}
			change := func(text string) {
				t.Helper()
				_, err := f.Update(fixture.FlagChange(t, text), fixture.Stamp())
				require.NoError(t, err)
			}
			require.NoError(t, flagstore.New(store).Save(t.Context(), f))
			repeats(33.3333)

			change(`{"is_enabled":false,"rollout_percentage":0,"target_users":[]}`)
			require.NoError(t, flagstore.New(store).Save(t.Context(), f))
			repeats(0)

			change(`{"is_enabled":true,"rollout_percentage":100,"target_users":["x"]}`)
			with := []*flag.Flag{f, fixture.Flag(t, `{"name":"another"}`)}
			require.NoError(t, flagstore.New(store).Save(t.Context(), with...), "together, in a transaction")
			repeats(100)
		})
	}
}
