package flag

import (
	"encoding/hex"
	"encoding/json"

	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// JSON returns the definition as one JSON object, in one form: the same bytes for
// the same definition. RehydrateDefinition reads it, and so does ParseChange, but
// for the salt. It is "" for nil, which a damaged flag has.
func (d *Definition) JSON() string {
	if d == nil {
		return ""
	}
	return d.encoded
}

// Number of a percentage, which has up to four decimals.
func percentage(buckets uint32) json.Number {
	text := formatFloat(float64(buckets) / (rollout.Buckets / 100))
	return json.Number(text)
}

func (d *Definition) encode() string {
	o := map[string]any{
		"type":               d.kind.String(),
		"is_enabled":         d.enabled,
		"rollout_percentage": percentage(d.RolloutPercentage()),
		"target_users":       texts(d.targets),
		"variants":           d.encodeVariants(),
		"off_variant":        optionalText(d.off),
		"target_variant":     optionalText(d.target),
		"rules":              d.encodeRules(),
		"default":            d.standard.encode(),
		"bucket_by":          optionalText(d.bucketBy),
		"rollout_group":      optionalText(d.rolloutGroup),
		"salt":               hex.EncodeToString([]byte(d.salt)),
	}
	return string(appendJSON(nil, o))
}

func (d *Definition) encodeVariants() map[string]any {
	o := map[string]any{}
	for _, v := range d.variants {
		o[v.Name] = json.RawMessage(v.value)
	}
	return o
}

func (d *Definition) encodeRules() []any {
	list := make([]any, len(d.rules))
	for i, r := range d.rules {
		o := r.serve.encode()
		o["id"] = r.id
		o["conditions"] = encodeConditions(specsOf(r.conditions))
		if r.share != nil {
			o["share"] = r.share.encode()
		}
		list[i] = o
	}
	return list
}

func (s *share) encode() map[string]any {
	o := map[string]any{"percentage": percentage(s.included), "outside": fallThrough}
	if s.outside != "" {
		o["outside"], o["variant"] = outsideVariant, s.outside
	}
	return o
}

func (s serving) encode() map[string]any {
	if s.variant != "" {
		return map[string]any{"variant": s.variant}
	}
	weights, ranges := map[string]any{}, map[string]any{}
	for _, w := range s.allocation.Weights() {
		weights[w.Variant] = int64(w.Buckets)
		ranges[w.Variant] = []any{}
	}
	for _, r := range s.allocation.Ranges() {
		list, _ := ranges[r.Variant].([]any)
		ranges[r.Variant] = append(list, []any{int64(r.Lo), int64(r.Hi)})
	}
	return map[string]any{"allocation": weights, "ranges": ranges}
}

func specsOf(conditions []targeting.Condition) []targeting.Spec {
	specs := make([]targeting.Spec, len(conditions))
	for i := range conditions {
		specs[i] = conditions[i].Spec()
	}
	return specs
}

func encodeConditions(specs []targeting.Spec) []any {
	list := make([]any, len(specs))
	for i, s := range specs {
		if s.Group != "" {
			list[i] = map[string]any{string(s.Group): encodeConditions(s.Members)}
			continue
		}
		list[i] = encodeCondition(s)
	}
	return list
}

func encodeCondition(s targeting.Spec) map[string]any {
	o := map[string]any{"attribute": s.Attribute, "operator": string(s.Operator)}
	if len(s.Values) > 0 {
		values := make([]any, len(s.Values))
		for i, v := range s.Values {
			values[i] = scalar(v)
		}
		o["values"] = values
	}
	if s.Negate {
		o["negate"] = true
	}
	if s.IgnoreCase {
		o["ignore_case"] = true
	}
	if s.Unit != "" {
		o["unit"] = string(s.Unit)
	}
	return o
}

func scalar(v targeting.Value) any {
	switch v.Kind {
	case targeting.Text:
		return v.Text
	case targeting.Number:
		return json.RawMessage(v.Text)
	case targeting.Bool:
		return json.RawMessage(v.Text)
	case targeting.Absent, targeting.Null, targeting.Array, targeting.Object:
	}
	return nil
}

func texts(list []string) []any {
	all := make([]any, len(list))
	for i, s := range list {
		all[i] = s
	}
	return all
}

func optionalText(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Percentage returns a number of buckets as a percentage of all, with a decimal
// point and up to four decimals: "50.0", "33.3333".
func Percentage(buckets uint32) string { return string(percentage(buckets)) }
