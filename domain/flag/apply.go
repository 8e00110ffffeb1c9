package flag

import (
	"maps"
	"slices"
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// Define returns the definition of a new flag with that salt, which is 16 bytes.
// It fails as ParseCreation does.
func Define(c Change, salt string) (*Definition, error) { return c.apply(nil, salt, false) }

// Apply returns the definition after a change. Allocations whose weights change are
// reweighed, so that the fewest buckets move; one that would need too many ranges is
// rollout.ErrFragmented, unless the change says to repack. It fails as ParseChange does,
// also where the change invalidates a part that it does not set.
func (d *Definition) Apply(c Change) (*Definition, error) { return c.apply(d, d.salt, false) }

// application applies a change to a definition.
type application struct {
	reader
	change Change
	// from is nil for a new flag; next is the definition being built.
	from, next *Definition
	// stored accepts ranges as they were stored.
	stored bool
}

func (c Change) apply(from *Definition, salt string, stored bool) (*Definition, error) {
	a := &application{change: c, from: from, next: &Definition{kind: Boolean, salt: salt}, stored: stored}
	if from != nil {
		*a.next = *from
	}
	a.plain()
	a.variants()
	if err := a.err(); err != nil {
		return nil, err
	}
	a.names()
	a.rules()
	a.standard()
	if err := a.err(); err != nil {
		return nil, err
	}
	a.next.encoded = a.next.encode()
	return a.next, nil
}

func (a *application) plain() {
	c, next := a.change, a.next
	if c.kind != nil {
		if a.from != nil && *c.kind != a.from.kind {
			a.bad("/type", "is "+a.from.kind.String()+" and never changes")
		}
		next.kind = *c.kind
	}
	assign(&next.enabled, c.enabled)
	assign(&next.targets, c.targets)
	assign(&next.off, c.off)
	assign(&next.target, c.target)
	assign(&next.bucketBy, c.bucketBy)
	assign(&next.rolloutGroup, c.group)
}

func assign[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

func (a *application) variants() {
	given := a.change.variants
	if given == nil && a.from == nil {
		if a.next.kind != Boolean {
			a.bad("/variants", "is required for a flag that is not boolean")
			return
		}
		given = defaultVariants()
	}
	if given == nil {
		return
	}
	a.next.variants = nil
	for _, name := range slices.Sorted(maps.Keys(given)) {
		encoded, message := encodeValue(a.next.kind, given[name])
		if message != "" {
			a.bad(pointer("/variants", name), message)
		}
		a.next.variants = append(a.next.variants, Variant{Name: name, value: encoded})
	}
}

// names checks that what names a variant names one that there is.
func (a *application) names() {
	a.mustHave("/off_variant", a.next.off)
	a.mustHave("/target_variant", a.next.target)
	if len(a.next.targets) > 0 && a.next.targetVariant() == "" {
		a.bad("/target_variant", "is required to say what target_users get")
	}
}

func (a *application) mustHave(at, variant string) {
	if variant != "" && !a.next.has(variant) {
		a.bad(at, "must name a variant of this flag")
	}
}

func (a *application) rules() {
	if a.change.rules == nil {
		for i, r := range a.next.rules {
			a.stillServes(indexed("/rules", i), r)
		}
		return
	}
	given := *a.change.rules
	patterns := 0
	for _, r := range given {
		patterns += targeting.CountPatterns(r.conditions)
	}
	if patterns > MaxPatterns {
		a.bad("/rules", "must contain at most 100 regular expressions")
		return
	}
	ids := a.ruleIDs(given)
	a.next.rules = make([]rule, len(given))
	size := 0
	for i, r := range given {
		at := indexed("/rules", i)
		conditions, err := targeting.NewConditions(r.conditions)
		if err != nil {
			a.faults.Note(fault.Within(at+"/conditions", err))
		}
		if r.share != nil {
			a.mustHave(at+"/share/variant", r.share.outside)
		}
		a.next.rules[i] = rule{id: ids[i], conditions: conditions, share: r.share}
		a.next.rules[i].serve = a.serve(at, r.serve, a.before(ids[i]))
		size += a.patterns(at+"/conditions", conditions)
	}
	if size > MaxPatternSizes {
		a.bad("/rules", "must contain regular expressions that compile to at most 5,000 instructions together")
	}
}

// patterns checks the regular expressions of a rule that is written, and returns
// how many instructions they have.
func (a *application) patterns(at string, conditions []targeting.Condition) int {
	if a.stored {
		return 0
	}
	size, err := targeting.CheckPatterns(conditions)
	if err != nil {
		a.faults.Note(fault.Within(at, err))
	}
	return size
}

// before returns what the rule of that id served so far; nothing for a new one.
func (a *application) before(id string) serving {
	if a.from != nil {
		for _, r := range a.from.rules {
			if r.id == id {
				return r.serve
			}
		}
	}
	return serving{}
}

// stillServes checks that a rule's variants survived a change of the variants.
func (a *application) stillServes(at string, r rule) {
	if r.share != nil {
		a.mustHave(at+"/share/variant", r.share.outside)
	}
	a.stillThere(at, r.serve)
}

func (a *application) stillThere(at string, s serving) {
	a.mustHave(at+"/variant", s.variant)
	for _, w := range s.allocation.Weights() {
		a.mustHave(pointer(at+"/allocation", w.Variant), w.Variant)
	}
}

// ruleIDs returns the ids of rules: their own, else that of the previous rule at their
// position, else a new one.
func (a *application) ruleIDs(given []ruleChange) []string {
	ids, taken := make([]string, len(given)), map[string]bool{}
	for i, r := range given {
		if r.id != "" && taken[r.id] {
			a.bad(indexed("/rules", i)+"/id", "must be unique among the rules")
		}
		ids[i], taken[r.id] = r.id, true
	}
	for i := range ids {
		if ids[i] == "" && a.from != nil && i < len(a.from.rules) && !taken[a.from.rules[i].id] {
			ids[i] = a.from.rules[i].id
			taken[ids[i]] = true
		}
	}
	for i := range ids {
		for n := i + 1; ids[i] == ""; n++ {
			if id := "rule-" + strconv.Itoa(n); !taken[id] {
				ids[i], taken[id] = id, true
			}
		}
	}
	return ids
}

// serve returns the serving for a change, with what was served before.
func (a *application) serve(at string, s servingChange, before serving) serving {
	if s.weights == nil {
		a.mustHave(at+"/variant", s.variant)
		return serving{variant: s.variant}
	}
	sum := uint64(0)
	for _, name := range sortedNames(s.weights) {
		a.mustHave(pointer(at+"/allocation", name), name)
		sum += uint64(s.weights[name])
	}
	if sum != rollout.Buckets {
		a.bad(at+"/allocation", "must have weights that sum to 1000000")
	}
	if a.faults.Any() {
		return serving{}
	}
	allocation, err := a.allocate(s, before.whole())
	if err != nil {
		a.faults.Note(fault.Within(at+"/", err))
		return serving{}
	}
	return servingOf(allocation)
}

func (a *application) allocate(s servingChange, before rollout.Allocation) (rollout.Allocation, error) {
	weights := a.next.order(s.weights)
	switch {
	case a.stored:
		return rehydrate(s)
	case before.IsZero(), a.change.repack:
		return rollout.Lay(weights)
	}
	return before.Reweigh(weights)
}

// rehydrate accepts stored ranges, if they agree with the weights.
func rehydrate(s servingChange) (rollout.Allocation, error) {
	allocation, err := rollout.Rehydrate(s.ranges)
	if err != nil {
		return rollout.Allocation{}, err
	}
	for _, w := range allocation.Weights() {
		if s.weights[w.Variant] != w.Buckets {
			return rollout.Allocation{}, fault.Bad("ranges", "must agree with the weights")
		}
	}
	return allocation, nil
}

// standard determines the default: that of the change by default or rollout_percentage,
// else the previous one, else the variant that is on.
func (a *application) standard() {
	want, at := a.change.standard, "/default"
	var before serving
	if a.from != nil {
		before = a.from.standard
	}
	if a.usesPercentage() {
		at = "/rollout_percentage"
		if want = a.percentage(*a.change.percentage); want == nil {
			return
		}
	}
	if want == nil && a.from == nil {
		if a.next.kind != Boolean {
			a.bad("/default", "is required for a flag that is not boolean")
			return
		}
		want, at = a.percentage(rollout.Buckets), "/variants"
	}
	if want == nil {
		a.stillThere("/default", before)
		return
	}
	a.next.standard = a.serve(at, *want, before)
	a.agree()
}

// usesPercentage reports whether rollout_percentage decides. A flag that is written back
// as read has both, and the one that differs is the change.
func (a *application) usesPercentage() bool {
	p := a.change.percentage
	if p == nil || a.next.kind != Boolean && a.from != nil && *p == a.from.RolloutPercentage() {
		return false
	}
	return a.change.standard == nil || a.from != nil && *p != a.from.RolloutPercentage() && a.leavesDefault()
}

// leavesDefault reports whether the given default is the current one.
func (a *application) leavesDefault() bool {
	s, now := a.change.standard, a.from.standard
	if s.weights == nil {
		return s.variant == now.variant
	}
	for _, w := range now.whole().Weights() {
		if s.weights[w.Variant] != w.Buckets {
			return false
		}
	}
	return true
}

// agree checks that a rollout_percentage agrees with the default given with it.
func (a *application) agree() {
	p := a.change.percentage
	given := p != nil && a.change.standard != nil && !a.faults.Any()
	if !given || *p == a.next.RolloutPercentage() || a.from != nil && *p == a.from.RolloutPercentage() {
		return
	}
	a.bad("/rollout_percentage", "must agree with default; send one of them")
}

// percentage returns the default of a boolean flag for a share, or nil where the share is
// invalid.
func (a *application) percentage(share uint32) *servingChange {
	on, off := a.next.positive(), a.next.negative()
	switch {
	case a.next.kind != Boolean:
		a.bad("/rollout_percentage", "requires a boolean flag; use default")
	case on == "" && share > 0:
		a.bad("/rollout_percentage", "requires a variant that is true")
	case off == "" && share < rollout.Buckets:
		a.bad("/rollout_percentage", "requires a variant that is false")
	default:
		return &servingChange{weights: percentageWeights(on, off, share)}
	}
	return nil
}

func percentageWeights(on, off string, share uint32) map[string]uint32 {
	weights := map[string]uint32{}
	if on != "" {
		weights[on] = share
	}
	if off != "" {
		weights[off] = rollout.Buckets - share
	}
	return weights
}
