package flag

import (
	"slices"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// Limits of definitions.
const (
	MaxVariants  = 100
	MaxRules     = 100
	MaxTargets   = 10_000
	MaxUserBytes = 255
	// MaxPatterns bounds the regular expressions in the rules of a flag. Each may compile
	// to some 70 KiB.
	MaxPatterns = 100
	// MaxPatternSizes is how many instructions those may compile to together, when
	// they are written.
	MaxPatternSizes = 5_000
	// SaltBytes is how long a salt is.
	SaltBytes = 16
)

// Definition is a flag's variants, rules and default. It is valid and immutable: a Change
// makes another one.
type Definition struct {
	kind     Type
	enabled  bool
	variants []Variant
	// off and target are names of variants, or empty for none.
	off, target  string
	targets      []string
	rules        []rule
	standard     serving
	bucketBy     string
	rolloutGroup string
	salt         string
	encoded      string
}

// rule serves a variant or an allocation to contexts that match all its conditions.
type rule struct {
	id         string
	conditions []targeting.Condition
	// share is nil for everyone.
	share *share
	serve serving
}

// share restricts a rule to a part of the keys that match it.
type share struct {
	included uint32
	// outside is the variant of the other keys, or empty: they are evaluated by the next
	// rule.
	outside string
}

// serving is one variant for all, or an allocation; never both.
type serving struct {
	variant    string
	allocation rollout.Allocation
}

// whole returns the serving as an allocation.
func (s serving) whole() rollout.Allocation {
	if s.variant != "" {
		return rollout.Whole(s.variant)
	}
	return s.allocation
}

// servingOf is a fixed variant where an allocation gives one everything.
func servingOf(a rollout.Allocation) serving {
	if weights := a.Weights(); len(weights) == 1 {
		return serving{variant: weights[0].Variant}
	}
	return serving{allocation: a}
}

// Type returns the type of the values.
func (d *Definition) Type() Type { return d.kind }

// Enabled reports whether the flag is on.
func (d *Definition) Enabled() bool { return d.enabled }

// Targets returns the users that always get the target variant.
func (d *Definition) Targets() []string { return slices.Clone(d.targets) }

// Salt returns the 16 bytes that set the flag's buckets apart from others'.
func (d *Definition) Salt() string { return d.salt }

// RolloutPercentage returns the share, in ten-thousandths of a percent, that the
// default gives the variant that is on; of a flag of another type, any variant
// but the off variant.
func (d *Definition) RolloutPercentage() uint32 {
	all := d.standard.whole()
	if d.kind == Boolean {
		return all.Weight(d.positive())
	}
	return rollout.Buckets - all.Weight(d.off)
}

// positive is the variant of a boolean flag that a rollout and the target users
// get: "on", or else the first that is true.
func (d *Definition) positive() string { return d.first("on", "true") }

// negative is the other side of positive.
func (d *Definition) negative() string { return d.first("off", "false") }

func (d *Definition) first(preferred, value string) string {
	found := ""
	for _, v := range d.variants {
		if v.value == value && (found == "" || v.Name == preferred) {
			found = v.Name
		}
	}
	return found
}

// targetVariant is the variant of target users, or empty where it is not set.
func (d *Definition) targetVariant() string {
	if d.target == "" && d.kind == Boolean {
		return d.positive()
	}
	return d.target
}

func (d *Definition) has(variant string) bool {
	_, found := d.find(variant)
	return found
}

func (d *Definition) find(variant string) (int, bool) {
	return slices.BinarySearchFunc(d.variants, variant, func(v Variant, name string) int {
		return strings.Compare(v.Name, name)
	})
}

// order returns the weights in the order of their layout: for a boolean flag the variant
// that is on first, else by name.
func (d *Definition) order(weights map[string]uint32) []rollout.Weight {
	var list []rollout.Weight
	for _, on := range []bool{true, false} {
		for _, v := range d.variants {
			if w, given := weights[v.Name]; given && v.On() == on {
				list = append(list, rollout.Weight{Variant: v.Name, Buckets: w})
			}
		}
	}
	return list
}
