package flag

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
)

// NoVariant is no value in a Movement: a disabled flag without an off variant. At
// PlaceOutside it is the evaluation of the next rule.
const NoVariant = ""

// Place is the part of a flag where keys move.
type Place string

// The places.
const (
	PlaceDefault Place = "default"
	// PlaceRule is what a rule serves.
	PlaceRule Place = "rule"
	// PlaceShare is the share of a rule: keys move between "outside" and "inside".
	PlaceShare Place = "share"
	// PlaceOutside is the keys that are outside a rule's share before and after.
	PlaceOutside Place = "outside"
)

// Movement is how keys move between variants at one place of a flag, of the keys that are
// evaluated there.
type Movement struct {
	Place Place
	// Rule is the rule's id, empty for the default.
	Rule  string
	Moves []rollout.Move
	// Expected reports that keys fall into other buckets, because the flag is bucketed by
	// another attribute: the moves are then an expectation for many keys, and not exact.
	Expected bool
}

// Movements returns how keys would move if the flag served another definition, exactly,
// from the ranges: the default, then each rule that both have. Places without movement
// are left out. Conditions and target users are not counted, because the number of
// matching contexts is unknown.
func (d *Definition) Movements(to *Definition) []Movement {
	m := movements{from: d, to: to, rehashed: d.bucketBy != to.bucketBy || d.rolloutGroup != to.rolloutGroup}
	m.add(PlaceDefault, "", d.effective(d.standard), to.effective(to.standard))
	for _, r := range d.rules {
		i := slices.IndexFunc(to.rules, func(o rule) bool { return o.id == r.id })
		if i >= 0 {
			m.rule(r, to.rules[i])
		}
	}
	return m.list
}

type movements struct {
	from, to *Definition
	// rehashed reports that keys hash to other buckets.
	rehashed bool
	list     []Movement
}

func (m *movements) rule(r, next rule) {
	m.add(PlaceRule, r.id, m.from.effective(r.serve), m.to.effective(next.serve))
	m.add(PlaceShare, r.id, r.share.layout(), next.share.layout())
	if r.share == nil || next.share == nil || r.share.outside == next.share.outside {
		return
	}
	never := rollout.Buckets - max(r.share.included, next.share.included)
	if never > 0 {
		moves := []rollout.Move{{From: r.share.outside, To: next.share.outside, Buckets: never}}
		m.list = append(m.list, Movement{Place: PlaceOutside, Rule: r.id, Moves: moves, Expected: m.rehashed})
	}
}

func (m *movements) add(place Place, rule string, from, to rollout.Allocation) {
	moves, expected := from.Moves(to), false
	if m.rehashed && len(from.Ranges())+len(to.Ranges()) > 2 {
		moves, expected = from.MovesAnew(to), true
	}
	if len(moves) > 0 {
		m.list = append(m.list, Movement{Place: place, Rule: rule, Moves: moves, Expected: expected})
	}
}

// effective is what a serving comes to, now that the flag is on or off.
func (d *Definition) effective(s serving) rollout.Allocation {
	if !d.enabled {
		return rollout.Whole(d.off)
	}
	return s.whole()
}

// layout returns a share as an allocation; without a share all keys are inside.
func (s *share) layout() rollout.Allocation {
	included := uint32(rollout.Buckets)
	if s != nil {
		included = s.included
	}
	a, err := rollout.Lay([]rollout.Weight{
		{Variant: "inside", Buckets: included}, {Variant: "outside", Buckets: rollout.Buckets - included},
	})
	if err != nil {
		panic("flag: a share of more than everyone")
	}
	return a
}
