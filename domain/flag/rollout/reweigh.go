package rollout

import "slices"

// Reweigh returns the allocation of other weights that moves the fewest buckets: half the
// sum of the weights' differences, which is the minimum. Ranges move only from variants
// that shrink to variants that grow. More than MaxRanges are ErrFragmented.
//
// A variant that shrinks frees of its ranges that touch a growing one, the smallest
// first, at the touching side; where none touches, of its smallest range, at the side of
// the growing variant in the order of the weights. Freed ranges are assigned to variants
// that touch them, and the others, the largest piece first, to the largest need.
func (a Allocation) Reweigh(weights []Weight) (Allocation, error) {
	if err := checkWeights(weights); err != nil {
		return Allocation{}, err
	}
	r := reweighing{
		ranges: slices.Clone(a.ranges), order: weights, surplus: map[string]uint32{}, need: map[string]uint32{},
	}
	r.compare(a)
	for _, variant := range r.shrinking {
		r.free(variant)
	}
	r.grant()
	next := Allocation{ranges: merge(r.ranges)}
	if len(next.ranges) >= MaxRanges {
		return Allocation{}, ErrFragmented
	}
	return next, nil
}

// freed marks an unassigned range; no variant has the empty name.
const freed = ""

type reweighing struct {
	ranges        []Range
	order         []Weight
	shrinking     []string
	surplus, need map[string]uint32
}

func (r *reweighing) compare(a Allocation) {
	for _, w := range r.order {
		if have := a.Weight(w.Variant); have < w.Buckets {
			r.need[w.Variant] = w.Buckets - have
		}
	}
	for _, have := range a.Weights() {
		i := slices.IndexFunc(r.order, func(w Weight) bool { return w.Variant == have.Variant })
		want := uint32(0)
		if i >= 0 {
			want = r.order[i].Buckets
		}
		if want < have.Buckets {
			r.shrinking = append(r.shrinking, have.Variant)
			r.surplus[have.Variant] = have.Buckets - want
		}
	}
}

// free takes a variant's surplus from it.
func (r *reweighing) free(variant string) {
	for r.surplus[variant] > 0 {
		i := r.smallest(variant)
		if size := r.ranges[i].size(); size <= r.surplus[variant] {
			r.surplus[variant] -= size
			r.ranges[i].Variant = freed
			continue
		}
		if r.freesLeft(i) {
			r.split(i, r.ranges[i].Lo+r.surplus[variant])
			r.ranges[i].Variant = freed
		} else {
			r.split(i, r.ranges[i].Hi-r.surplus[variant])
			r.ranges[i+1].Variant = freed
		}
		r.surplus[variant] = 0
	}
}

// smallest returns the variant's smallest range, of those that touch a variant
// that grows if there is one.
func (r *reweighing) smallest(variant string) int {
	found, touching := -1, false
	for i, x := range r.ranges {
		if x.Variant != variant {
			continue
		}
		touches := r.grows(i-1) || r.grows(i+1)
		smaller := found < 0 || x.size() < r.ranges[found].size()
		if touches && !touching || touches == touching && smaller {
			found, touching = i, touches
		}
	}
	return found
}

// freesLeft reports at which side of a range to free.
func (r *reweighing) freesLeft(i int) bool {
	left, right := r.grows(i-1), r.grows(i+1)
	if left != right {
		return left
	}
	return !left && r.rank(r.neediest()) < r.rank(r.ranges[i].Variant)
}

func (r *reweighing) grows(i int) bool {
	return i >= 0 && i < len(r.ranges) && r.need[r.ranges[i].Variant] > 0
}

// rank is a variant's position in the order of the weights; one without a weight is last.
func (r *reweighing) rank(variant string) int {
	i := slices.IndexFunc(r.order, func(w Weight) bool { return w.Variant == variant })
	if i < 0 {
		return len(r.order)
	}
	return i
}

// neediest returns the variant that needs most, of several the first in order.
func (r *reweighing) neediest() string {
	found := r.order[0].Variant
	for _, w := range r.order {
		if r.need[w.Variant] > r.need[found] {
			found = w.Variant
		}
	}
	return found
}

// split cuts a range in two at a bucket inside it.
func (r *reweighing) split(i int, at uint32) {
	upper := r.ranges[i]
	upper.Lo = at
	r.ranges[i].Hi = at
	r.ranges = slices.Insert(r.ranges, i+1, upper)
}

// grant gives away all that was freed.
func (r *reweighing) grant() {
	for {
		r.ranges = merge(r.ranges)
		if r.grantTouching() {
			continue
		}
		i := r.largestFreed()
		if i < 0 {
			return
		}
		r.give(i, r.neediest(), true)
	}
}

// grantTouching gives one freed range to a neighbour that grows, if there is one.
func (r *reweighing) grantTouching() bool {
	for i, x := range r.ranges {
		if x.Variant != freed {
			continue
		}
		if r.grows(i - 1) {
			r.give(i, r.ranges[i-1].Variant, true)
			return true
		}
		if r.grows(i + 1) {
			r.give(i, r.ranges[i+1].Variant, false)
			return true
		}
	}
	return false
}

// give hands a freed range to a variant, or as much of it as the variant needs,
// from the left or from the right.
func (r *reweighing) give(i int, variant string, fromLeft bool) {
	need := r.need[variant]
	if size := r.ranges[i].size(); size > need {
		if fromLeft {
			r.split(i, r.ranges[i].Lo+need)
		} else {
			r.split(i, r.ranges[i].Hi-need)
			i++
		}
	}
	r.need[variant] -= r.ranges[i].size()
	r.ranges[i].Variant = variant
}

func (r *reweighing) largestFreed() int {
	found := -1
	for i, x := range r.ranges {
		if x.Variant == freed && (found < 0 || x.size() > r.ranges[found].size()) {
			found = i
		}
	}
	return found
}
