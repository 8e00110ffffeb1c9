package targeting

import (
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Limits of conditions.
const (
	// MaxDepth is how deep groups may nest.
	MaxDepth = 5
	// MaxConditions bounds the conditions of a rule, those in groups included, and
	// MaxValues the values of a condition.
	MaxConditions = 100
	MaxValues     = 1000
	// MaxAttributeBytes is the longest attribute, MaxPatternBytes the longest
	// regular expression.
	MaxAttributeBytes = 255
	MaxPatternBytes   = 1 << 10
)

// Spec is a condition as it is written: either on an attribute, or a group.
type Spec struct {
	Attribute  string
	Operator   Operator
	Values     []Value
	Negate     bool
	IgnoreCase bool
	// Unit is what numbers count that are times.
	Unit Unit
	// Group is AnyOf, AllOf or NoneOf for a group; Members are its conditions.
	Group   Group
	Members []Spec
}

// Group is how the conditions of a group are combined. The zero value is no group.
type Group string

// The groups.
const (
	AnyOf  Group = "any"
	AllOf  Group = "all"
	NoneOf Group = "none"
)

// Condition is a validated Spec, ready for evaluation. It is immutable.
type Condition struct {
	spec    Spec
	path    path
	test    test
	members []Condition
}

// NewConditions returns the conditions of a rule. Invalid fields are ErrInvalid, named by
// JSON pointers from the list: "/0/operator", "/1/any/2/values/0".
func NewConditions(specs []Spec) ([]Condition, error) {
	b := builder{}
	list := b.list(specs, 0)
	if b.count > MaxConditions {
		b.faults.Bad("", "must contain at most 100 conditions")
	}
	return list, b.faults.Err()
}

type builder struct {
	count  int
	faults fault.Collector
}

func (b *builder) list(specs []Spec, depth int) []Condition {
	list := make([]Condition, 0, len(specs))
	for i, s := range specs {
		mark := b.faults.Listed()
		c := b.one(s, depth)
		b.faults.Prefix(mark, "/"+strconv.Itoa(i))
		list = append(list, c)
	}
	return list
}

func (b *builder) one(s Spec, depth int) Condition {
	if s.Group == "" {
		b.count++
		test, err := newTest(s)
		b.faults.Note(err)
		return Condition{spec: s, path: newPath(s.Attribute), test: test}
	}
	if depth == MaxDepth {
		b.faults.Bad("/"+string(s.Group), "is a group nested deeper than 5")
		return Condition{spec: s}
	}
	if len(s.Members) == 0 {
		b.faults.Bad("/"+string(s.Group), "must contain at least one condition")
	}
	mark := b.faults.Listed()
	c := Condition{spec: s, members: b.list(s.Members, depth+1)}
	b.faults.Prefix(mark, "/"+string(s.Group))
	return c
}

// CountPatterns returns the number of regular expressions in the conditions.
func CountPatterns(specs []Spec) int {
	n := 0
	for _, s := range specs {
		if s.Operator == Matches {
			n += len(s.Values)
		}
		n += CountPatterns(s.Members)
	}
	return n
}

// Spec returns the condition as it is written.
func (c *Condition) Spec() Spec { return c.spec }

// Hold reports whether all the conditions match; an empty list always matches. The result
// is valid only while in.Failure is Sound.
func Hold(conditions []Condition, in *Context) bool {
	for i := range conditions {
		if !conditions[i].holds(in) || in.failure != Sound {
			return false
		}
	}
	return true
}

func (c *Condition) holds(in *Context) bool {
	switch c.spec.Group {
	case AllOf:
		return Hold(c.members, in)
	case AnyOf:
		return c.any(in)
	case NoneOf:
		return !c.any(in)
	}
	if in.spend(effortOfOne); in.failure != Sound {
		return false
	}
	v, at := in.lookup(c.path)
	return c.test.passes(in, v, at) != c.spec.Negate
}

func (c *Condition) any(in *Context) bool {
	for i := range c.members {
		if c.members[i].holds(in) {
			return true
		}
		if in.failure != Sound {
			return false
		}
	}
	return false
}

// Step is what one condition found.
type Step struct {
	// Pointer is the condition's position in the list, such as "/1/any/2".
	Pointer string
	Spec    Spec
	// Seen is the attribute's value, Absent for groups too.
	Seen Value
	Held bool
	// Note says why the value does not match where that is easily overlooked, or is empty.
	Note string
}

// Explain returns the result of each condition, groups after their members, and whether
// all match. It evaluates every one, also where the result is certain already, up to the
// first at which in.Failure is not Sound.
func Explain(conditions []Condition, in *Context) (steps []Step, held bool) {
	steps = explain(nil, "", conditions, in)
	return steps, Hold(conditions, in)
}

func explain(steps []Step, pointer string, conditions []Condition, in *Context) []Step {
	for i := range conditions {
		c := &conditions[i]
		at := pointer + "/" + strconv.Itoa(i)
		if in.failure != Sound {
			break
		}
		step := Step{Pointer: at, Spec: c.spec, Held: c.holds(in) && in.failure == Sound}
		if c.spec.Group != "" {
			steps = explain(steps, at+"/"+string(c.spec.Group), c.members, in)
		} else {
			step.Seen, _ = in.lookup(c.path)
			step.Note = timeNote(c.spec, step.Seen)
		}
		steps = append(steps, step)
	}
	return steps
}
