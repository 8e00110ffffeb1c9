package flag

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// ErrTargetingKeyMissing is an evaluation that reached a share without anything to
// bucket by.
var ErrTargetingKeyMissing = fault.New(fault.Invalid, "targeting_key_missing",
	"The flag is rolled out by percentage, and the context has no targeting key. Send one.")

// Reason is the reason of a decision, in OpenFeature's terms (specification, types,
// resolution reason).
type Reason uint8

// The reasons.
const (
	// Missing is a share that was reached without a key: an error, not a guess.
	Missing Reason = iota
	// Disabled flags serve their off variant, or no value.
	Disabled
	// TargetingMatch is a fixed variant by a rule, or for a target user.
	TargetingMatch
	// Split is a variant that a share or an allocation chose.
	Split
	// Static is a fixed default of a flag without rules.
	Static
	// Default is a fixed default after no rule matched.
	Default
	// Oversized is a context with a value that is too large for a rule: an error.
	Oversized
	// Late is an evaluation that did not end in time: an error.
	Late
)

// String returns "ERROR", "DISABLED", "TARGETING_MATCH", "SPLIT", "STATIC" or "DEFAULT".
func (r Reason) String() string {
	return [...]string{"ERROR", "DISABLED", "TARGETING_MATCH", "SPLIT", "STATIC", "DEFAULT", "ERROR", "ERROR"}[r]
}

// Decision is what a context gets of a flag.
type Decision struct {
	// Variant is nil where there is no value: DISABLED without an off variant, and
	// errors.
	Variant *Variant
	Reason  Reason
	// Rule is the id of the rule that decided, empty for target users and defaults.
	Rule string
	// Bucket is where the key fell in the share or allocation that decided; it
	// counts only with Split.
	Bucket uint32
	// Share is how many buckets the variant has there; it counts only with Split.
	Share uint32
	// Version is the flag's.
	Version scope.Version
}

// Err returns why a decision could not be made: ErrTargetingKeyMissing,
// ErrInvalidContext, or context.DeadlineExceeded for one that did not end in time.
func (d Decision) Err() error {
	switch d.Reason {
	case Missing:
		return ErrTargetingKeyMissing
	case Oversized:
		return ErrInvalidContext
	case Late:
		return context.DeadlineExceeded
	case Disabled, TargetingMatch, Split, Static, Default:
	}
	return nil
}

// Compiled is a flag at one version, ready to be evaluated. It never changes.
type Compiled struct {
	state    State
	off      *Variant
	target   *Variant
	targets  map[string]struct{}
	rules    []compiledRule
	standard compiledServing
	salt     string
	bucketBy string
}

type compiledRule struct {
	id         string
	conditions []targeting.Condition
	share      *share
	outside    *Variant
	serve      compiledServing
}

// compiledServing is one variant, or ranges with theirs beside them.
type compiledServing struct {
	fixed      *Variant
	allocation rollout.Allocation
	byName     map[string]arm
}

// arm is a variant of an allocation with how many buckets it has.
type arm struct {
	variant *Variant
	share   uint32
}

// Compile prepares a flag for evaluation. A deleted flag is compiled as it was; callers
// exclude it.
func Compile(s State) *Compiled {
	d := s.Definition
	c := &Compiled{state: s, off: d.variant(d.off), salt: d.salt, bucketBy: d.bucketBy, standard: d.compile(d.standard)}
	if d.rolloutGroup != "" {
		c.salt = d.rolloutGroup
	}
	if len(d.targets) > 0 {
		c.target = d.variant(d.targetVariant())
		c.targets = make(map[string]struct{}, len(d.targets))
		for _, u := range d.targets {
			c.targets[u] = struct{}{}
		}
	}
	for _, r := range d.rules {
		compiled := compiledRule{id: r.id, conditions: r.conditions, share: r.share, serve: d.compile(r.serve)}
		if r.share != nil {
			compiled.outside = d.variant(r.share.outside)
		}
		c.rules = append(c.rules, compiled)
	}
	return c
}

func (d *Definition) variant(name string) *Variant {
	i, found := d.find(name)
	if !found {
		return nil
	}
	return &d.variants[i]
}

func (d *Definition) compile(s serving) compiledServing {
	if s.variant != "" {
		return compiledServing{fixed: d.variant(s.variant)}
	}
	c := compiledServing{allocation: s.allocation, byName: map[string]arm{}}
	for _, w := range s.allocation.Weights() {
		c.byName[w.Variant] = arm{variant: d.variant(w.Variant), share: w.Buckets}
	}
	return c
}

// State returns the flag that was compiled.
func (c *Compiled) State() State { return c.state }

// ID returns the flag's id.
func (c *Compiled) ID() ID { return c.state.ID }

// Name returns the flag's name.
func (c *Compiled) Name() string { return c.state.Identity.Name.String() }

// Environment returns the name of the flag's environment.
func (c *Compiled) Environment() string { return c.state.Identity.Environment.String() }

// Type returns the type of the flag's values.
func (c *Compiled) Type() Type { return c.state.Definition.kind }

// Off returns the off variant, or nil for none.
func (c *Compiled) Off() *Variant { return c.off }

// Evaluate decides what a context gets: disabled, target users, rules in their
// order, the default. The same flag and context give the same decision, always
// and everywhere, unless the context's deadline has passed: that is Late.
func Evaluate(c *Compiled, in *targeting.Context) Decision { return c.evaluate(in, nil) }

// EvaluateTraced gives the same decision with each step that led to it.
func EvaluateTraced(c *Compiled, in *targeting.Context) (Decision, []Step) {
	t := &trace{}
	d := c.evaluate(in, t)
	return d, t.steps
}

func (c *Compiled) evaluate(in *targeting.Context, t *trace) Decision {
	if in.Begin(); in.Failure() != targeting.Sound {
		return c.decide(nil, Late, "")
	}
	if !c.state.Definition.enabled {
		t.disabled()
		return c.decide(c.off, Disabled, "")
	}
	if c.targets != nil {
		key := in.Key()
		_, held := c.targets[key.Text]
		held = held && key.Kind == targeting.Text
		t.targeted(key, held)
		if held {
			return c.decide(c.target, TargetingMatch, "")
		}
	}
	for i := range c.rules {
		if d, decided := c.follow(&c.rules[i], in, t); decided {
			return d
		}
	}
	fixed := Static
	if len(c.rules) > 0 {
		fixed = Default
	}
	return c.serve(&c.standard, fixed, "", in, t)
}

// follow applies one rule, and reports whether it decided.
func (c *Compiled) follow(r *compiledRule, in *targeting.Context, t *trace) (Decision, bool) {
	held := t.holds(r, in)
	switch in.Failure() {
	case targeting.TooLarge:
		return c.decide(nil, Oversized, r.id), true
	case targeting.TooLate:
		return c.decide(nil, Late, r.id), true
	case targeting.Sound:
	}
	if !held {
		return Decision{}, false
	}
	if r.share == nil {
		return c.serve(&r.serve, TargetingMatch, r.id, in, t), true
	}
	key := c.key(in)
	bucket, ok := c.bucket(rollout.Include, key)
	inside := ok && bucket < r.share.included
	t.shared(r, key, ok, bucket)
	switch {
	case !ok:
		return c.decide(nil, Missing, r.id), true
	case inside:
		return c.serve(&r.serve, TargetingMatch, r.id, in, t), true
	case r.outside == nil:
		return Decision{}, false
	}
	d := c.decide(r.outside, Split, r.id)
	d.Bucket, d.Share = bucket, rollout.Buckets-r.share.included
	return d, true
}

// serve returns the fixed variant with that reason, or the variant of the allocation.
func (c *Compiled) serve(s *compiledServing, fixed Reason, rule string, in *targeting.Context, t *trace) Decision {
	if s.fixed != nil {
		t.served(rule, s.fixed)
		return c.decide(s.fixed, fixed, rule)
	}
	key := c.key(in)
	bucket, ok := c.bucket(rollout.Variant, key)
	if !ok {
		t.served(rule, nil)
		return c.decide(nil, Missing, rule)
	}
	chosen := s.allocation.Locate(bucket)
	t.split(rule, key, bucket, chosen)
	arm := s.byName[chosen.Variant]
	d := c.decide(arm.variant, Split, rule)
	d.Bucket, d.Share = bucket, arm.share
	return d
}

func (c *Compiled) decide(v *Variant, why Reason, rule string) Decision {
	return Decision{Variant: v, Reason: why, Rule: rule, Version: c.state.Version}
}

func (c *Compiled) bucket(purpose rollout.Purpose, of targeting.Value) (uint32, bool) {
	key, ok := of.BucketKey()
	if !ok {
		return 0, false
	}
	return rollout.Bucket(c.salt, purpose, key), true
}

// key returns what the flag buckets by.
func (c *Compiled) key(in *targeting.Context) targeting.Value {
	if c.bucketBy == "" {
		return in.Key()
	}
	return in.Lookup(c.bucketBy)
}
