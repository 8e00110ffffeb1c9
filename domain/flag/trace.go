package flag

import (
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// StepKind is what a step of an evaluation checked.
type StepKind string

// The kinds of step.
const (
	// StepEnabled is a flag that is off.
	StepEnabled StepKind = "enabled"
	// StepTargets checks whether the targeting key is one of the target users.
	StepTargets StepKind = "target_users"
	// StepConditions checks whether a rule's conditions match.
	StepConditions StepKind = "conditions"
	// StepShare checks whether the key is inside a rule's share.
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
	// Key is the key that was searched for or bucketed.
	Key targeting.Value
	// Bucketed reports that Bucket and Range are set.
	Bucketed bool
	Bucket   uint32
	Range    rollout.Range
	// Variant is what StepServe gives.
	Variant string
}

// trace collects steps; nil collects none, and costs next to nothing.
type trace struct{ steps []Step }

func (t *trace) add(s Step) { t.steps = append(t.steps, s) }

func (t *trace) disabled() {
	if t != nil {
		t.add(Step{Kind: StepEnabled})
	}
}

func (t *trace) targeted(key targeting.Value, held bool) {
	if t != nil {
		t.add(Step{Kind: StepTargets, Held: held, Key: key})
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

// shared is the check of a share; without a key there is no bucket.
func (t *trace) shared(r *compiledRule, key targeting.Value, bucketed bool, bucket uint32) {
	if t == nil {
		return
	}
	s := Step{Kind: StepShare, Rule: r.id, Key: key}
	if bucketed {
		s.Bucketed, s.Bucket, s.Range = true, bucket, rollout.Range{Hi: r.share.included}
		s.Held = bucket < r.share.included
	}
	t.add(s)
}

// served is a fixed variant, or none where an allocation found no key.
func (t *trace) served(rule string, v *Variant) {
	if t == nil {
		return
	}
	s := Step{Kind: StepServe, Rule: rule, Held: v != nil}
	if v != nil {
		s.Variant = v.Name
	}
	t.add(s)
}

func (t *trace) split(rule string, key targeting.Value, bucket uint32, chosen rollout.Range) {
	if t != nil {
		t.add(Step{
			Kind: StepServe, Rule: rule, Held: true, Variant: chosen.Variant,
			Key: key, Bucketed: true, Bucket: bucket, Range: chosen,
		})
	}
}
