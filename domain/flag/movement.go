package flag

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
)

// NoVariant stands for no value in a Movement: a disabled flag without an off
// variant.
const NoVariant = ""

// Movement is who goes from which variant to which at one place of a flag, of
// those whom a context leads there.
type Movement struct {
	// Rule is the rule's id, empty for the default.
	Rule string
	// Share is true for who is let in and out by the rule's share; From and To are
	// then "inside" and "outside".
	Share bool
	Moves []rollout.Move
}

// Movements returns who would move if the flag were to serve another definition,
// exactly, from the ranges: the default, then each rule that both have. Places
// where nobody moves are left out. Conditions and target users are not counted:
// how many contexts they hold for is not known here.
func (d *Definition) Movements(to *Definition) []Movement {
	var list []Movement
	add := func(m Movement) {
		if len(m.Moves) > 0 {
			list = append(list, m)
		}
	}
	add(Movement{Moves: d.effective(d.standard).Moves(to.effective(to.standard))})
	for _, r := range d.rules {
		i := slices.IndexFunc(to.rules, func(o rule) bool { return o.id == r.id })
		if i < 0 {
			continue
		}
		add(Movement{Rule: r.id, Moves: d.effective(r.serve).Moves(to.effective(to.rules[i].serve))})
		add(Movement{Rule: r.id, Share: true, Moves: r.share.layout().Moves(to.rules[i].share.layout())})
	}
	return list
}

// effective is what a serving comes to, now that the flag is on or off.
func (d *Definition) effective(s serving) rollout.Allocation {
	if !d.enabled {
		return rollout.Whole(d.off)
	}
	return s.whole()
}

// layout shows a share as an allocation; no share lets everyone in.
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
