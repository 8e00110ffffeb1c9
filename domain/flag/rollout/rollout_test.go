package rollout_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
)

var update = flag.Bool("update", false, "rewrite testdata/vectors.json")

// vector is one example of testdata/vectors.json. Salt is in hex.
type vector struct {
	Salt    string `json:"salt"`
	Purpose string `json:"purpose"`
	Tag     string `json:"tag"`
	Text    string `json:"text"`
	Bucket  uint32 `json:"bucket"`
}

func TestBucketsAreThoseOfTheVectors(t *testing.T) {
	t.Parallel()
	const file = "testdata/vectors.json"
	if *update {
		written, err := json.MarshalIndent(vectors(), "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, append(written, '\n'), 0o600))
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var all []vector
	require.NoError(t, json.Unmarshal(data, &all))
	require.Len(t, all, 2*2*8)
	for _, v := range all {
		assert.Equal(t, v.Bucket, bucketOf(v), v)
	}
}

func vectors() []vector {
	var all []vector
	for _, salt := range []string{"00000000000000000000000000000000", hex.EncodeToString([]byte("checkout-group"))} {
		for _, purpose := range []string{"include", "variant"} {
			for _, k := range []rollout.Key{
				{Tag: 's', Text: ""},
				{Tag: 's', Text: "1"},
				{Tag: 'n', Text: "1"},
				{Tag: 'b', Text: "true"},
				{Tag: 's', Text: "user123"},
				{Tag: 's', Text: "ünïcödé 🚦"},
				{Tag: 'n', Text: "-12.5"},
				{Tag: 's', Text: "018f3c5e-1f2a-7b3c-8d4e-5f6a7b8c9d0e"},
			} {
				v := vector{Salt: salt, Purpose: purpose, Tag: string(k.Tag), Text: k.Text}
				v.Bucket = bucketOf(v)
				all = append(all, v)
			}
		}
	}
	return all
}

func bucketOf(v vector) uint32 {
	salt, _ := hex.DecodeString(v.Salt)
	return rollout.Bucket(string(salt), rollout.Purpose(v.Purpose), rollout.Key{Tag: v.Tag[0], Text: v.Text})
}

// keys are targeting keys, by kind.
func keys() map[string]func(int) string {
	return map[string]func(int) string{
		"sequential": func(n int) string { return strconv.Itoa(n) },
		"e-mail":     func(n int) string { return fmt.Sprintf("user%d@example.com", n) },
		"UUID": func(n int) string {
			h := sha256.Sum256([]byte{byte(n), byte(n >> 8), byte(n >> 16)})
			return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
		},
	}
}

// TestBucketsAreUniform requires a chi-square below its 99.99 % quantile over 100 cells,
// for each of 50 salts and three kinds of key. Chance alone would exceed it about once in
// 67 runs of 150; the keys are fixed, so that the result is deterministic.
func TestBucketsAreUniform(t *testing.T) {
	t.Parallel()
	const cells, perCell = 100, 100
	worst := 0.0
	for kind, key := range keys() {
		for salt := range 50 {
			var count [cells]int
			for n := range cells * perCell {
				bucket := rollout.Bucket(fmt.Sprintf("flag-%d", salt), rollout.Variant, rollout.Key{Tag: 's', Text: key(n)})
				count[bucket/(rollout.Buckets/cells)]++
			}
			chi := 0.0
			for _, c := range count {
				chi += math.Pow(float64(c-perCell), 2) / perCell
			}
			worst = max(worst, chi)
			assert.Less(t, chi, 161.3, "%s keys, flag %d", kind, salt)
		}
	}
	t.Logf("worst chi-square over %d cells: %.1f", cells, worst)
}

// TestFlagsAreIndependent checks pairs of flags at a share of a half: a quarter of the
// keys has both, within five standard deviations. The same is checked for the two
// purposes of one flag.
func TestFlagsAreIndependent(t *testing.T) {
	t.Parallel()
	const n = 10_000
	for kind, key := range keys() {
		in := func(salt int, purpose rollout.Purpose) []bool {
			list := make([]bool, n)
			for i := range list {
				k := rollout.Key{Tag: 's', Text: key(i)}
				list[i] = rollout.Bucket(fmt.Sprintf("flag-%d", salt), purpose, k) < rollout.Buckets/2
			}
			return list
		}
		previous := in(49, rollout.Variant)
		for salt := range 50 {
			these := in(salt, rollout.Variant)
			assert.InDelta(t, n/4, both(these, previous), 5*math.Sqrt(n*3.0/16), "%s keys, flags %d and before", kind, salt)
			included := in(salt, rollout.Include)
			assert.InDelta(t, n/4, both(these, included), 5*math.Sqrt(n*3.0/16), "%s keys, purposes of %d", kind, salt)
			previous = these
		}
	}
}

func both(a, b []bool) int {
	n := 0
	for i := range a {
		if a[i] && b[i] {
			n++
		}
	}
	return n
}

func percent(on uint32) []rollout.Weight {
	return []rollout.Weight{{Variant: "on", Buckets: on}, {Variant: "off", Buckets: rollout.Buckets - on}}
}

func TestReweighing(t *testing.T) {
	t.Parallel()

	t.Run("a percentage stays one range, and the keys that came last leave first", func(t *testing.T) {
		t.Parallel()
		a := rollout.Whole("off")
		for _, step := range []uint32{1, 10_000, 500_000, 250_000, 1_000_000, 0, 100_000} {
			next, err := a.Reweigh(percent(step))
			require.NoError(t, err)
			for _, r := range next.Ranges() {
				if r.Variant == "on" {
					assert.Equal(t, rollout.Range{Variant: "on", Hi: step}, r)
				}
			}
			assert.LessOrEqual(t, len(next.Ranges()), 2)
			a = next
		}
	})

	t.Run("weights that do not sum, and a variant twice, are refused", func(t *testing.T) {
		t.Parallel()
		for _, weights := range [][]rollout.Weight{
			nil,
			{{Variant: "a", Buckets: 999_999}},
			{{Variant: "a", Buckets: 1_000_001}},
			{{Variant: "a", Buckets: 500_000}, {Variant: "a", Buckets: 500_000}},
			{{Variant: "a", Buckets: math.MaxUint32}, {Variant: "b", Buckets: 1_000_001}},
		} {
			_, err := rollout.Lay(weights)
			require.ErrorIs(t, err, fault.ErrInvalid)
			_, err = rollout.Whole("a").Reweigh(weights)
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
	})

	t.Run("ranges with a gap, an overlap or an end are refused", func(t *testing.T) {
		t.Parallel()
		for _, ranges := range [][]rollout.Range{
			nil,
			{{"a", 0, 10}},
			{{"a", 0, 10}, {"b", 11, 1_000_000}},
			{{"a", 0, 10}, {"b", 9, 1_000_000}},
			{{"a", 0, 0}, {"b", 0, 1_000_000}},
			{{"a", 0, 1_000_001}},
		} {
			_, err := rollout.Rehydrate(ranges)
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
	})

	t.Run("an allocation of a thousand ranges is fragmented", func(t *testing.T) {
		t.Parallel()
		var ranges []rollout.Range
		for i := range uint32(1000) {
			ranges = append(ranges, rollout.Range{Variant: []string{"a", "b"}[i%2], Lo: i * 1000, Hi: (i + 1) * 1000})
		}
		a, err := rollout.Rehydrate(ranges)
		require.NoError(t, err)
		_, err = a.Reweigh([]rollout.Weight{{"a", 499_999}, {"b", 500_001}})
		require.ErrorIs(t, err, rollout.ErrFragmented)
	})
}

// TestChangesMoveTheFewest draws sequences of weights of two to six variants, some of
// them new or removed, and checks that each step moves the fewest buckets.
func TestChangesMoveTheFewest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d", "e", "f"}[:rapid.IntRange(2, 6).Draw(t, "variants")]
		a, err := rollout.Lay(drawWeights(t, names))
		require.NoError(t, err)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			weights := drawWeights(t, names)
			next, err := a.Reweigh(weights)
			require.NoError(t, err)
			checkStep(t, a, next, weights)
			a = next
		}
	})
}

func drawWeights(t *rapid.T, names []string) []rollout.Weight {
	left := uint32(rollout.Buckets)
	var weights []rollout.Weight
	for _, name := range names[1:] {
		w := rapid.Uint32Range(0, left).Draw(t, name)
		left -= w
		weights = append(weights, rollout.Weight{Variant: name, Buckets: w})
	}
	return append(weights, rollout.Weight{Variant: names[0], Buckets: left})
}

// checkStep checks the weights of a step, that it moves the fewest buckets, and only from
// variants that shrink.
func checkStep(t require.TestingT, from, to rollout.Allocation, weights []rollout.Weight) {
	total := uint32(0)
	least := uint32(0)
	for _, w := range weights {
		require.Equal(t, w.Buckets, to.Weight(w.Variant))
		if have := from.Weight(w.Variant); w.Buckets > have {
			least += w.Buckets - have
		}
	}
	for _, m := range from.Moves(to) {
		total += m.Buckets
		require.Less(t, to.Weight(m.From), from.Weight(m.From), "%s gives and does not shrink", m.From)
		require.Greater(t, to.Weight(m.To), from.Weight(m.To), "%s gets and does not grow", m.To)
	}
	require.Equal(t, least, total)
	_, err := rollout.Rehydrate(to.Ranges())
	require.NoError(t, err)
}

// TestTwoVariantsStayTwoRanges is what a percentage relies on.
func TestTwoVariantsStayTwoRanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rollout.Whole(rapid.SampledFrom([]string{"on", "off"}).Draw(t, "first"))
		for range 50 {
			next, err := a.Reweigh(percent(rapid.Uint32Range(0, rollout.Buckets).Draw(t, "on")))
			require.NoError(t, err)
			require.LessOrEqual(t, len(next.Ranges()), 2)
			a = next
		}
	})
}

// TestTinyChangesHardlyFragment makes 3,000 changes of up to 0.1 % between ten
// variants, from a fixed seed.
func TestTinyChangesHardlyFragment(t *testing.T) {
	t.Parallel()
	var weights []rollout.Weight
	for i := range 10 {
		weights = append(weights, rollout.Weight{Variant: string(rune('a' + i)), Buckets: rollout.Buckets / 10})
	}
	a, err := rollout.Lay(weights)
	require.NoError(t, err)
	most, seed := 0, uint32(1)
	random := func(n uint32) uint32 { seed = seed*1664525 + 1013904223; return (seed >> 8) % n }
	for range 3000 {
		from, to := random(10), random(10)
		step := min(1+random(1000), weights[from].Buckets)
		weights[from].Buckets -= step
		weights[to].Buckets += step
		a, err = a.Reweigh(weights)
		require.NoError(t, err)
		most = max(most, len(a.Ranges()))
	}
	t.Logf("most ranges: %d", most)
	assert.LessOrEqual(t, most, 121)
}

func TestLocateFindsTheRange(t *testing.T) {
	t.Parallel()
	a, err := rollout.Lay([]rollout.Weight{{"a", 1}, {"b", 0}, {"c", 999_999}})
	require.NoError(t, err)
	assert.Equal(t, "a", a.Locate(0).Variant)
	assert.Equal(t, "c", a.Locate(1).Variant)
	assert.Equal(t, "c", a.Locate(999_999).Variant)
	assert.Equal(t, []rollout.Weight{{"a", 1}, {"c", 999_999}}, a.Weights())
}

func TestBucketingAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all goroutines
	key := rollout.Key{Tag: 's', Text: "user123"}
	assert.Zero(t, testing.AllocsPerRun(100, func() { rollout.Bucket("0123456789abcdef", rollout.Variant, key) }))
}
