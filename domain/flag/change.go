package flag

import (
	"context"
	"encoding/hex"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

const (
	fallThrough    = "fall_through"
	outsideVariant = "variant"
)

// Change is a change of a flag; fields that are not set leave the flag as it is.
type Change struct {
	// Name and Environment are for creation alone.
	Name, Environment string
	Description       *scope.Description

	kind                         *Type
	enabled                      *bool
	percentage                   *uint32
	targets                      *[]string
	variants                     map[string]any
	off, target, bucketBy, group *string
	rules                        *[]ruleChange
	standard                     *servingChange
	repack                       bool
}

type ruleChange struct {
	id         string
	conditions []targeting.Spec
	share      *share
	serve      servingChange
}

type servingChange struct {
	variant string
	weights map[string]uint32
	ranges  []rollout.Range
}

// fields of a change; those of a creation come first.
func changeMembers() []string {
	return []string{
		"name", "environment", "description", "is_enabled", "rollout_percentage", "target_users", "type", "variants",
		"off_variant", "target_variant", "rules", "default", "bucket_by", "rollout_group", "repack",
	}
}

// ParseCreation parses the JSON of a new flag. Invalid fields are ErrInvalid, named by
// JSON pointers (RFC 6901) such as "/rules/0/variant". When ctx ends first, it returns
// ctx's error.
func ParseCreation(ctx context.Context, text []byte) (Change, error) {
	return parseChange(ctx, text, changeMembers())
}

// ParseChange reads the JSON of a change: any part of a flag but its name and
// environment. It fails as ParseCreation does.
func ParseChange(ctx context.Context, text []byte) (Change, error) {
	return parseChange(ctx, text, changeMembers()[2:])
}

func parseChange(ctx context.Context, text []byte, known []string) (Change, error) {
	r := &reader{}
	o, err := r.decode(ctx, text, known)
	if err != nil {
		return Change{}, err
	}
	c := r.change(o)
	if v, given := o["repack"]; given {
		c.repack = r.boolean("/repack", v)
	}
	return c, r.err()
}

// RehydrateDefinition rebuilds a definition from what JSON returned; only stores
// call it. It checks everything again.
func RehydrateDefinition(text []byte) (*Definition, error) {
	tree, err := decodeJSON(text)
	if err != nil {
		return nil, fault.Bad("", "must be valid JSON")
	}
	r := &reader{}
	o := r.members("", tree, append(changeMembers(), "salt")...)
	c := r.change(o)
	salt, err := hex.DecodeString(r.text("/salt", o["salt"], 2*SaltBytes))
	if err != nil || len(salt) != SaltBytes {
		r.bad("/salt", "must be 16 bytes in hex")
	}
	c.percentage = nil
	if err := r.err(); err != nil {
		return nil, err
	}
	return c.apply(nil, string(salt), true)
}

func (r *reader) change(o map[string]any) Change {
	var c Change
	read(o, "name", &c.Name, func(at string, v any) string { return r.text(at, v, MaxTextBytes) })
	read(o, "environment", &c.Environment, func(at string, v any) string { return r.text(at, v, MaxTextBytes) })
	read(o, "description", &c.Description, func(at string, v any) *scope.Description {
		d, err := scope.ParseDescription(r.text(at, v, scope.MaxDescriptionBytes))
		if err != nil {
			r.bad(at, "must be valid UTF-8 without NUL, at most 4 KiB long")
		}
		return &d
	})
	read(o, "type", &c.kind, func(at string, v any) *Type {
		t, err := ParseType(r.text(at, v, MaxNameBytes))
		if err != nil {
			r.faults.Note(err)
		}
		return &t
	})
	read(o, "is_enabled", &c.enabled, func(at string, v any) *bool { return new(r.boolean(at, v)) })
	read(o, "rollout_percentage", &c.percentage, func(at string, v any) *uint32 { return new(r.percentage(at, v)) })
	read(o, "target_users", &c.targets, func(at string, v any) *[]string { return new(r.users(at, v)) })
	read(o, "variants", &c.variants, r.variants)
	name := func(at string, v any) *string { return new(r.name(at, v)) }
	read(o, "off_variant", &c.off, name)
	read(o, "target_variant", &c.target, name)
	read(o, "rollout_group", &c.group, name)
	read(o, "bucket_by", &c.bucketBy, func(at string, v any) *string {
		return new(r.text(at, v, targeting.MaxAttributeBytes))
	})
	read(o, "rules", &c.rules, r.rules)
	read(o, "default", &c.standard, func(at string, v any) *servingChange {
		return new(r.serving(at, r.members(at, v, "variant", "allocation", "ranges")))
	})
	return c
}

// read reads a field if it is set.
func read[T any](o map[string]any, name string, into *T, how func(at string, v any) T) {
	if v, given := o[name]; given {
		*into = how("/"+name, v)
	}
}

func (r *reader) variants(at string, v any) map[string]any {
	o, ok := v.(map[string]any)
	if !ok || len(o) < 1 || len(o) > MaxVariants {
		r.bad(at, "must be an object of 1 to 100 variants")
		return nil
	}
	for name := range o {
		if !named(name) {
			r.bad(at, "must name each variant with "+namedMessage[len("must be "):])
		}
	}
	return o
}

func (r *reader) rules(at string, v any) *[]ruleChange {
	list := r.list(at, v, MaxRules)
	rules := make([]ruleChange, len(list))
	for i, e := range list {
		at := indexed(at, i)
		o := r.members(at, e, "id", "conditions", "share", "variant", "allocation", "ranges")
		rule := ruleChange{serve: r.serving(at, o)}
		if id, given := o["id"]; given {
			rule.id = r.name(at+"/id", id)
		}
		if conditions, given := o["conditions"]; given {
			rule.conditions = r.conditions(at+"/conditions", conditions, 0)
		}
		if s, given := o["share"]; given {
			rule.share = r.share(at+"/share", s)
		}
		rules[i] = rule
	}
	return &rules
}

func (r *reader) share(at string, v any) *share {
	o := r.members(at, v, "percentage", "outside", "variant")
	s := &share{included: r.percentage(at+"/percentage", o["percentage"])}
	variant, given := o["variant"]
	switch outside := o["outside"]; {
	case outside == outsideVariant && given && variant != "":
		s.outside = r.name(at+"/variant", variant)
	case outside == outsideVariant:
		r.bad(at+"/variant", "is required where outside is variant")
	case outside != nil && outside != fallThrough:
		r.bad(at+"/outside", "must be fall_through or variant")
	case given:
		r.bad(at+"/variant", "is for those outside, and needs outside to be variant")
	}
	return s
}

// serving reads one variant or an allocation. Ranges are for RehydrateDefinition; changes
// ignore them, so that a definition can be written back as read.
func (r *reader) serving(at string, o map[string]any) servingChange {
	var s servingChange
	variant, fixed := o["variant"]
	allocation, divided := o["allocation"]
	if o == nil || fixed == divided {
		r.bad(at, "must contain either variant or allocation")
		return s
	}
	if fixed {
		s.variant = r.name(at+"/variant", variant)
		if s.variant == "" {
			r.bad(at+"/variant", "must name a variant")
		}
		return s
	}
	weights, ok := allocation.(map[string]any)
	if !ok {
		r.bad(at+"/allocation", "must be an object of variants and their weights")
		return s
	}
	s.weights = map[string]uint32{}
	for name, w := range weights {
		s.weights[name] = r.weight(pointer(at+"/allocation", name), w)
	}
	s.ranges = r.ranges(o["ranges"])
	return s
}

// ranges reads what encode wrote, and nothing where it is anything else.
func (r *reader) ranges(v any) []rollout.Range {
	o, _ := v.(map[string]any)
	var ranges []rollout.Range
	for name, v := range o {
		list, _ := v.([]any)
		for _, e := range list {
			pair, _ := e.([]any)
			if len(pair) != 2 {
				return nil
			}
			quiet := &reader{}
			bounds := rollout.Range{Variant: name, Lo: quiet.weight("", pair[0]), Hi: quiet.weight("", pair[1])}
			if quiet.faults.Any() {
				return nil
			}
			ranges = append(ranges, bounds)
		}
	}
	return ranges
}

// Empty reports whether nothing is to be changed.
func (c Change) Empty() bool {
	return c.Description == nil && c.kind == nil && c.enabled == nil && c.percentage == nil && c.targets == nil &&
		c.variants == nil && c.off == nil && c.target == nil && c.bucketBy == nil && c.group == nil &&
		c.rules == nil && c.standard == nil && !c.repack
}

// defaultVariants are those of a boolean flag that names none.
func defaultVariants() map[string]any { return map[string]any{"on": true, "off": false} }

// sortedNames returns the names of weights in order, so that faults are too.
func sortedNames(weights map[string]uint32) []string {
	names := make([]string, 0, len(weights))
	for name := range weights {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
