package flagapi

import (
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// evaluateJSON is the body that evaluates a flag.
type evaluateJSON struct {
	FlagName    string         `json:"flag_name"`
	Environment string         `json:"environment"`
	UserID      any            `json:"user_id,omitzero" doc:"The targeting key: a text, a number, true or false; wins over targetingKey in context"`
	Context     map[string]any `json:"context,omitzero" nullable:"true" doc:"Attributes for the evaluation; the whole body is at most 128 KiB"`
}

// evaluateBatchJSON is the body that evaluates several flags.
type evaluateBatchJSON struct {
	Environment string         `json:"environment"`
	UserID      any            `json:"user_id,omitzero"`
	Context     map[string]any `json:"context,omitzero" nullable:"true"`
	FlagNames   []string       `json:"flag_names,omitzero" maxItems:"500" doc:"All flags of the environment if not given"`
}

// explainJSON is the body that explains an evaluation.
type explainJSON struct {
	evaluateJSON
	Version int64 `json:"version,omitzero" minimum:"1" doc:"Evaluate this version of the flag"`
}

// evaluationJSON is the evaluation of a flag for a context.
type evaluationJSON struct {
	Enabled     bool    `json:"enabled" doc:"Whether a boolean flag is true, or another flag serves something else than off_variant"`
	Reason      string  `json:"reason" doc:"flag_not_found, globally_disabled, user_targeted, rollout_percentage_<float>, globally_enabled, rollout_excluded, rule_matched, default, targeting_key_missing or, among several, damaged"`
	FlagName    string  `json:"flag_name"`
	Environment string  `json:"environment"`
	Variant     *string `json:"variant" doc:"Null where there is no value"`
	Value       any     `json:"value"`
	Version     *int64  `json:"version"`
}

// batchJSON is the evaluations of several flags for a context, from one snapshot.
type batchJSON struct {
	Environment string           `json:"environment"`
	Revision    int64            `json:"revision" doc:"Counts the changes to the environment's flags; the same on every replica"`
	Evaluations []evaluationJSON `json:"evaluations" nullable:"false"`
}

// explanationJSON is a decision with all that led to it.
type explanationJSON struct {
	Decision rest.Raw[evaluationJSON] `json:"decision"`
	Cause    string                   `json:"cause" enum:"STATIC,DEFAULT,TARGETING_MATCH,SPLIT,DISABLED,ERROR" doc:"In OpenFeature's words"`
	Rule     *string                  `json:"rule" doc:"The id of the rule that decided"`
	Steps    []stepJSON               `json:"steps" nullable:"false"`
}

// stepJSON is one step of an evaluation.
type stepJSON struct {
	Step       string          `json:"step" enum:"enabled,target_users,conditions,share,serve"`
	Rule       *string         `json:"rule,omitzero" nullable:"false"`
	Held       bool            `json:"held" doc:"Whether the condition was met"`
	Conditions []conditionSeen `json:"conditions,omitzero" nullable:"false"`
	Key        rest.Raw[any]   `json:"key,omitzero" doc:"The value that was compared or bucketed"`
	Bucket     *uint32         `json:"bucket,omitzero" nullable:"false" doc:"Of 1000000"`
	Range      []uint32        `json:"range,omitzero" nullable:"false" doc:"Half-open, in buckets"`
	Variant    *string         `json:"variant,omitzero" nullable:"false"`
}

// conditionSeen is what one condition found.
type conditionSeen struct {
	Pointer   string        `json:"pointer" doc:"The condition's place in the rule's list"`
	Attribute *string       `json:"attribute,omitzero" nullable:"false"`
	Operator  *string       `json:"operator,omitzero" nullable:"false"`
	Seen      rest.Raw[any] `json:"seen,omitzero" doc:"The attribute's value; left out where it is absent"`
	SeenType  *string       `json:"seen_type,omitzero" nullable:"false"`
	Held      bool          `json:"held"`
	Note      *string       `json:"note,omitzero" nullable:"false" doc:"Why the value does not match, where that is easily overlooked"`
}

func representExplanation(e flagapp.Explained) ([]byte, error) {
	shown := explanationJSON{
		Decision: rest.Raw[evaluationJSON]{Text: appendDecision(nil, e.Flag, e.Decision)},
		Cause:    e.Decision.Reason.String(),
		Rule:     rest.OrNull(e.Decision.Rule),
		Steps:    make([]stepJSON, len(e.Steps)),
	}
	for i, s := range e.Steps {
		shown.Steps[i] = representStep(s)
	}
	body, err := json.Marshal(shown)
	if err != nil {
		return nil, fault.ErrInternal.WithCause(err)
	}
	return body, nil
}

func representStep(s flag.Step) stepJSON {
	shown := stepJSON{
		Step: string(s.Kind), Rule: rest.OrNull(s.Rule), Held: s.Held, Key: representValue(s.Key),
		Variant: rest.OrNull(s.Variant),
	}
	if s.Bucketed {
		shown.Bucket, shown.Range = &s.Bucket, []uint32{s.Range.Lo, s.Range.Hi}
	}
	for _, c := range s.Conditions {
		shown.Conditions = append(shown.Conditions, representCondition(c))
	}
	return shown
}

func representCondition(c targeting.Step) conditionSeen {
	shown := conditionSeen{Pointer: c.Pointer, Held: c.Held}
	if c.Spec.Group == "" {
		operator, seen := string(c.Spec.Operator), c.Seen.Kind.String()
		shown.Attribute, shown.Operator, shown.SeenType = &c.Spec.Attribute, &operator, &seen
		shown.Seen, shown.Note = representValue(c.Seen), rest.OrNull(c.Note)
	}
	return shown
}

// representValue encodes a scalar; other values are left out.
func representValue(v targeting.Value) rest.Raw[any] {
	switch v.Kind {
	case targeting.Text:
		return rest.Raw[any]{Text: rest.AppendQuoted(nil, v.Text)}
	case targeting.Number, targeting.Bool:
		return rest.Raw[any]{Text: []byte(v.Text)}
	case targeting.Null:
		return rest.Raw[any]{Text: []byte("null")}
	case targeting.Absent, targeting.Array, targeting.Object:
	}
	return rest.Raw[any]{}
}
