package rollout

import (
	"cmp"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// MaxRanges is the most ranges that an allocation may be made of.
const MaxRanges = 1000

// ErrFragmented is a change of weights that would need too many ranges.
var ErrFragmented = fault.New(fault.Conflict, "allocation_fragmented",
	`The allocation was changed so often that it would need 1000 ranges. Send "repack": true to lay it out anew; `+
		`a preview says how many users that moves.`)

// Weight is how many of the buckets a variant is to have.
type Weight struct {
	Variant string
	// Buckets is 0 to Buckets.
	Buckets uint32
}

// Range is a half-open range of buckets, Lo to Hi-1, that one variant has.
type Range struct {
	Variant string
	Lo, Hi  uint32
}

func (r Range) size() uint32 { return r.Hi - r.Lo }

// Allocation divides the buckets between variants. Its ranges are in order, leave
// no gap, and two that touch are of different variants. The zero value is none.
type Allocation struct{ ranges []Range }

// Whole returns the allocation of all buckets to one variant.
func Whole(variant string) Allocation {
	return Allocation{ranges: []Range{{Variant: variant, Hi: Buckets}}}
}

// Lay returns the allocation that lays out the weights in their order, one range
// each. Weights name each variant once and sum to Buckets, else ErrInvalid.
func Lay(weights []Weight) (Allocation, error) {
	if err := checkWeights(weights); err != nil {
		return Allocation{}, err
	}
	var ranges []Range
	lo := uint32(0)
	for _, w := range weights {
		ranges = append(ranges, Range{Variant: w.Variant, Lo: lo, Hi: lo + w.Buckets})
		lo += w.Buckets
	}
	return Allocation{ranges: merge(ranges)}, nil
}

// Rehydrate rebuilds an allocation from stored ranges. Ranges that leave a gap or overlap
// are ErrInvalid.
func Rehydrate(ranges []Range) (Allocation, error) {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b Range) int { return cmp.Compare(a.Lo, b.Lo) })
	next := uint32(0)
	for _, r := range sorted {
		if r.Lo != next || r.Hi <= r.Lo {
			return Allocation{}, fault.Bad("ranges", "must follow each other without a gap")
		}
		next = r.Hi
	}
	if next != Buckets {
		return Allocation{}, fault.Bad("ranges", "must cover all buckets")
	}
	return Allocation{ranges: merge(sorted)}, nil
}

func checkWeights(weights []Weight) error {
	sum := uint64(0)
	for i, w := range weights {
		sum += uint64(w.Buckets)
		if slices.ContainsFunc(weights[:i], func(o Weight) bool { return o.Variant == w.Variant }) {
			return fault.Bad("allocation", "must name each variant once")
		}
	}
	if sum != Buckets {
		return fault.Bad("allocation", "must have weights that sum to 1000000")
	}
	return nil
}

// IsZero reports whether there is no allocation.
func (a Allocation) IsZero() bool { return len(a.ranges) == 0 }

// Ranges returns the ranges in order.
func (a Allocation) Ranges() []Range { return slices.Clone(a.ranges) }

// Weight returns how many buckets a variant has.
func (a Allocation) Weight(variant string) uint32 {
	sum := uint32(0)
	for _, r := range a.ranges {
		if r.Variant == variant {
			sum += r.size()
		}
	}
	return sum
}

// Weights returns the weights of the variants that have any, by name.
func (a Allocation) Weights() []Weight {
	var list []Weight
	for _, r := range a.ranges {
		i := slices.IndexFunc(list, func(w Weight) bool { return w.Variant == r.Variant })
		if i < 0 {
			list = append(list, Weight{Variant: r.Variant, Buckets: r.size()})
			continue
		}
		list[i].Buckets += r.size()
	}
	slices.SortFunc(list, func(a, b Weight) int { return cmp.Compare(a.Variant, b.Variant) })
	return list
}

// Locate returns the range that contains a bucket.
func (a Allocation) Locate(bucket uint32) Range {
	i, found := slices.BinarySearchFunc(a.ranges, bucket, func(r Range, b uint32) int { return cmp.Compare(r.Lo, b) })
	if !found {
		i--
	}
	return a.ranges[i]
}

// Move is a number of buckets that go from one variant to another.
type Move struct {
	From, To string
	Buckets  uint32
}

// Moves returns exactly how many buckets move between which variants when the allocation
// is replaced by another, by name. Neither may be the zero value.
func (a Allocation) Moves(to Allocation) []Move {
	var moves []Move
	lo := uint32(0)
	for i, j := 0, 0; i < len(a.ranges) && j < len(to.ranges); {
		from, into := a.ranges[i], to.ranges[j]
		hi := min(from.Hi, into.Hi)
		if from.Variant != into.Variant {
			moves = addMove(moves, Move{From: from.Variant, To: into.Variant, Buckets: hi - lo})
		}
		lo = hi
		if from.Hi == hi {
			i++
		}
		if into.Hi == hi {
			j++
		}
	}
	slices.SortFunc(moves, func(a, b Move) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return moves
}

// MovesAnew returns how many buckets are expected to move between which variants when
// keys also fall into other buckets, by name: of each variant's keys, every other variant
// gets its share. Counts are rounded down.
func (a Allocation) MovesAnew(to Allocation) []Move {
	var moves []Move
	for _, from := range a.Weights() {
		for _, into := range to.Weights() {
			n := uint32(uint64(from.Buckets) * uint64(into.Buckets) / Buckets) //nolint:gosec // at most Buckets
			if from.Variant != into.Variant && n > 0 {
				moves = append(moves, Move{From: from.Variant, To: into.Variant, Buckets: n})
			}
		}
	}
	return moves
}

func addMove(moves []Move, m Move) []Move {
	i := slices.IndexFunc(moves, func(o Move) bool { return o.From == m.From && o.To == m.To })
	if i < 0 {
		return append(moves, m)
	}
	moves[i].Buckets += m.Buckets
	return moves
}

// merge joins ranges of one variant that touch, and drops empty ones.
func merge(ranges []Range) []Range {
	var merged []Range
	for _, r := range ranges {
		last := len(merged) - 1
		switch {
		case r.size() == 0:
		case last >= 0 && merged[last].Variant == r.Variant:
			merged[last].Hi = r.Hi
		default:
			merged = append(merged, r)
		}
	}
	return merged
}
