package flag

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// reader reads decoded JSON and collects its errors, by JSON pointer. An invalid value
// reads as the zero value.
type reader struct{ faults fault.Collector }

func (r *reader) bad(at, message string) { r.faults.Bad(at, message) }

func (r *reader) err() error { return r.faults.Err() }

// members returns an object with known fields only. A field that is null counts as not
// set.
func (r *reader) members(at string, v any, known ...string) map[string]any {
	o, ok := v.(map[string]any)
	if !ok {
		r.bad(at, "must be an object")
		return nil
	}
	given := map[string]any{}
	var others []string
	for name, value := range o {
		switch {
		case !slices.Contains(known, name):
			others = append(others, name)
		case value != nil:
			given[name] = value
		}
	}
	slices.Sort(others)
	for i, name := range others {
		if r.faults.Full() {
			r.faults.Omit(len(others) - i)
			break
		}
		r.unknown(at, name)
	}
	return given
}

// unknown reports an unknown field. Its name is repeated if it is valid as a name;
// another one could be a misplaced value.
func (r *reader) unknown(at, name string) {
	if !named(name) {
		r.bad(at, "contains an unknown field")
		return
	}
	r.bad(pointer(at, name), "unknown field")
}

func (r *reader) list(at string, v any, most int) []any {
	list, ok := v.([]any)
	switch {
	case !ok:
		r.bad(at, "must be a list")
	case len(list) > most:
		r.bad(at, "must contain at most "+strconv.Itoa(most)+" elements")
		return nil
	}
	return list
}

func (r *reader) text(at string, v any, most int) string {
	s, ok := v.(string)
	if !ok {
		r.bad(at, "must be a string")
		return ""
	}
	if message := textMessage(s, most); message != "" {
		r.bad(at, message)
		return ""
	}
	return s
}

// name reads a string that is empty or a name.
func (r *reader) name(at string, v any) string {
	s := r.text(at, v, MaxNameBytes)
	if s != "" && !named(s) {
		r.bad(at, namedMessage)
		return ""
	}
	return s
}

func (r *reader) boolean(at string, v any) bool {
	b, ok := v.(bool)
	if !ok {
		r.bad(at, "must be a boolean")
	}
	return b
}

// percentage reads 0 to 100 as buckets. Further decimals than four are rounded, half away
// from zero: clients send the nearest doubles of thirds and of sums.
func (r *reader) percentage(at string, v any) uint32 {
	n, ok := v.(json.Number)
	f, err := n.Float64()
	if !ok || err != nil || f < 0 || f > 100 {
		r.bad(at, "must be a number between 0 and 100; it is rounded to four decimals")
		return 0
	}
	if f < 1e-5 {
		return 0 // whatever its exponent is
	}
	return percentToBuckets(n)
}

// percentToBuckets rounds exactly: the product of doubles may be on the other side of a half.
func percentToBuckets(n json.Number) uint32 {
	const perPercent = rollout.Buckets / 100
	exact, _ := new(big.Rat).SetString(string(n))
	exact.Mul(exact, big.NewRat(perPercent, 1)).Add(exact, big.NewRat(1, 2))
	return uint32(new(big.Int).Quo(exact.Num(), exact.Denom()).Uint64()) //nolint:gosec // at most rollout.Buckets
}

func (r *reader) weight(at string, v any) uint32 {
	n, ok := v.(json.Number)
	w, err := strconv.ParseUint(n.String(), 10, 32)
	if !ok || err != nil || w > rollout.Buckets {
		r.bad(at, "must be an integer between 0 and 1000000")
		return 0
	}
	return uint32(w)
}

func (r *reader) users(at string, v any) []string {
	list := r.list(at, v, MaxTargets)
	users := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list))
	for i, e := range list {
		u := r.text(indexed(at, i), e, MaxUserBytes)
		switch {
		case u == "" && e == "":
			r.bad(indexed(at, i), "must be 1 to 255 bytes long")
		case seen[u] && u != "":
			r.bad(indexed(at, i), "must not be listed twice")
		}
		seen[u] = true
		users = append(users, u)
	}
	return users
}

// conditions reads what NewConditions checks.
func (r *reader) conditions(at string, v any, depth int) []targeting.Spec {
	list := r.list(at, v, targeting.MaxConditions)
	specs := make([]targeting.Spec, len(list))
	for i, e := range list {
		specs[i] = r.condition(indexed(at, i), e, depth)
	}
	return specs
}

func (r *reader) condition(at string, v any, depth int) targeting.Spec {
	o := r.members(at, v, "attribute", "operator", "values", "negate", "ignore_case", "unit", "any", "all", "none")
	for _, g := range []targeting.Group{targeting.AnyOf, targeting.AllOf, targeting.NoneOf} {
		members, given := o[string(g)]
		if !given {
			continue
		}
		if len(o) > 1 {
			r.bad(at, "must contain nothing else beside the group")
		}
		s := targeting.Spec{Group: g}
		if depth <= targeting.MaxDepth {
			s.Members = r.conditions(pointer(at, string(g)), members, depth+1)
		}
		return s
	}
	var s targeting.Spec
	if text, ok := o["attribute"].(string); ok {
		s.Attribute = r.text(at+"/attribute", text, targeting.MaxAttributeBytes)
	}
	if text, ok := o["operator"].(string); ok {
		s.Operator = targeting.Operator(text)
	}
	if values, given := o["values"]; given {
		for i, e := range r.list(at+"/values", values, targeting.MaxValues) {
			s.Values = append(s.Values, r.value(indexed(at+"/values", i), e))
		}
	}
	if b, given := o["negate"]; given {
		s.Negate = r.boolean(at+"/negate", b)
	}
	if b, given := o["ignore_case"]; given {
		s.IgnoreCase = r.boolean(at+"/ignore_case", b)
	}
	if unit, given := o["unit"]; given {
		s.Unit = targeting.Unit(r.text(at+"/unit", unit, targeting.MaxAttributeBytes))
	}
	return s
}

func (r *reader) value(at string, v any) targeting.Value {
	switch v := v.(type) {
	case string:
		if message := textMessage(v, MaxTextBytes); message != "" {
			r.bad(at, message)
		}
		return targeting.TextValue(v)
	case json.Number:
		if message := plain(v); message != "" {
			r.bad(at, message)
		}
		return targeting.NumberValue(plainNumber(string(v)))
	case bool:
		return targeting.BoolValue(v)
	}
	return targeting.Value{Kind: targeting.Null}
}
