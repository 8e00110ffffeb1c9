package flag

import (
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// StepKind says what a step of an evaluation looked at.
type StepKind string

// The kinds of step.
const (
	// StepEnabled is a flag that is off.
	StepEnabled StepKind = "enabled"
	// StepTargets asks whether the targeting key is one of the target users.
	StepTargets StepKind = "target_users"
	// StepConditions asks whether a rule's conditions hold.
	StepConditions StepKind = "conditions"
	// StepShare asks whether the key is inside a rule's share.
	StepShare StepKind = "share"
	// StepServe is what a rule or the default gives.
	StepServe StepKind = "serve"
)

// Step is one step of an evaluation.
type Step struct {
	Kind StepKind
	// Rule is the rule's id, empty outside rules.
	Rule string
	// Held reports whether the question was answered with yes.
	Held bool
	// Conditions are those of StepConditions, each with the value it saw.
	Conditions []targeting.Step
	// Key is what was looked for or bucketed by.
	Key targeting.Value
	// Bucketed says that Bucket and Range count.
	Bucketed bool
	Bucket   uint32
	Range    rollout.Range
	// Variant is what StepServe gives.
	Variant string
}

// trace collects steps; nil collects none.
type trace struct{ steps []Step }

func (t *trace) add(s Step) {
	if t != nil {
		t.steps = append(t.steps, s)
	}
}

func (t *trace) holds(r *compiledRule, in *targeting.Context) bool {
	if t == nil {
		return targeting.Hold(r.conditions, in)
	}
	conditions, held := targeting.Explain(r.conditions, in)
	t.add(Step{Kind: StepConditions, Rule: r.id, Held: held, Conditions: conditions})
	return held
}
