package targeting_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
)

// tree is a JSON value in Go: a scalar, a []tree, or members in their order.
type tree struct {
	value    targeting.Value
	names    []string
	children []tree
}

// drawTree draws an object or array of some depth; its members' names repeat in other
// objects, and contain dots.
func drawTree(r *rapid.T, kind targeting.Kind, depth int) tree {
	t := tree{value: targeting.Value{Kind: kind}}
	seen := map[string]bool{}
	for i := range rapid.IntRange(0, 14).Draw(r, "size") {
		name := ""
		if kind == targeting.Object {
			name = rapid.SampledFrom([]string{"a", "b", "c", "d", "a.b", "b.c", "", ".", "x" + strconv.Itoa(i)}).Draw(r, "name")
			if seen[name] {
				continue
			}
			seen[name] = true
		}
		child := tree{value: targeting.NumberValue(strconv.Itoa(rapid.IntRange(0, 9).Draw(r, "n")))}
		if inner := rapid.SampledFrom([]targeting.Kind{targeting.Object, targeting.Array, 0, 0}).Draw(r, "kind"); inner != 0 && depth > 0 {
			child = drawTree(r, inner, depth-1)
		}
		t.names, t.children = append(t.names, name), append(t.children, child)
	}
	return t
}

func (t tree) into(c *targeting.Context) {
	for i, child := range t.children {
		if child.value.Kind != targeting.Object && child.value.Kind != targeting.Array {
			c.Add(t.names[i], child.value)
			continue
		}
		c.Open(t.names[i], child.value.Kind)
		child.into(c)
		c.Close()
	}
}

func (t tree) member(name string) (tree, bool) {
	for i, n := range t.names {
		if n == name && t.value.Kind == targeting.Object {
			return t.children[i], true
		}
	}
	return tree{}, false
}

// lookup is a simple implementation of Context.Lookup.
func (t tree) lookup(attribute string) targeting.Value {
	if m, ok := t.member(attribute); ok {
		return m.value
	}
	at := t
	for segment := range strings.SplitSeq(attribute, ".") {
		next, ok := at.member(segment)
		if !ok {
			return targeting.Value{}
		}
		at = next
	}
	return at.value
}

// TestContextsOfAnyShape compares lookups with those of a plain tree, with few members
// and with so many that there is an index, which may be created at any position.
func TestContextsOfAnyShape(t *testing.T) {
	t.Parallel()
	var c targeting.Context
	rapid.Check(t, func(r *rapid.T) {
		root := drawTree(r, targeting.Object, 3)
		c.Reset()
		root.into(&c)
		for range 40 {
			attribute := strings.Join(rapid.SliceOfN(
				rapid.SampledFrom([]string{"a", "b", "c", "d", "a.b", "b.c", "", ".", "x1"}), 1, 4).Draw(r, "path"), ".")
			require.Equal(t, root.lookup(attribute), c.Lookup(attribute), attribute)
		}
	})
}

func TestArraysInLargeContexts(t *testing.T) {
	t.Parallel()
	for _, before := range []int{0, 1, 30, 31, 32, 33, 64} {
		for _, size := range []int{1, 2, 31, 32, 33, 100} {
			var c targeting.Context
			for i := range before {
				c.Add("m"+strconv.Itoa(i), targeting.NumberValue("1"))
			}
			c.Open("groups", targeting.Array)
			for i := range size {
				c.Add("", targeting.TextValue("g"+strconv.Itoa(i)))
			}
			c.Open("", targeting.Array)
			c.Add("", targeting.TextValue("inner"))
			c.Close()
			c.Close()
			c.Add("after", targeting.TextValue("after"))
			has := func(value string) bool {
				conditions, err := targeting.NewConditions([]targeting.Spec{{
					Attribute: "groups", Operator: targeting.Contains, Values: text(value),
				}})
				require.NoError(t, err)
				return targeting.Hold(conditions, &c)
			}
			assert.True(t, has("g0"))
			assert.True(t, has("g"+strconv.Itoa(size-1)))
			assert.False(t, has("g"+strconv.Itoa(size)))
			assert.False(t, has("inner"), "elements of elements are none")
			assert.False(t, has("after"))
			assert.Equal(t, targeting.TextValue("after"), c.Lookup("after"))
		}
	}
}

func TestTheFirstOfTwoMembersCounts(t *testing.T) {
	t.Parallel()
	for _, more := range []int{0, 100} {
		var c targeting.Context
		for i := range more {
			c.Add("m"+strconv.Itoa(i), targeting.BoolValue(true))
		}
		c.Add("a", targeting.TextValue("first"))
		c.Add("a", targeting.TextValue("second"))
		assert.Equal(t, targeting.TextValue("first"), c.Lookup("a"), more)
	}
}

func TestAContextIsUsedAgain(t *testing.T) {
	t.Parallel()
	var c targeting.Context
	for round := range 4 {
		c.Reset()
		c.Open("o", targeting.Object)
		for i := range []int{100, 3, 33, 0}[round] {
			c.Add("m"+strconv.Itoa(i), targeting.NumberValue(strconv.Itoa(round)))
		}
		c.Close()
		assert.Equal(t, targeting.Value{}, c.Key())
		assert.Equal(t, targeting.Value{}, c.Lookup("o.m99.x"))
		assert.Equal(t, round == 0, c.Lookup("o.m99").Kind == targeting.Number)
		assert.Equal(t, round != 3, c.Lookup("o.m0") == targeting.NumberValue(strconv.Itoa(round)))
		c.SetKey(targeting.TextValue("k"))
	}
}

// TestNoKeyBreaksAnOperator also takes keys that callers should refuse.
func TestNoKeyBreaksAnOperator(t *testing.T) {
	t.Parallel()
	for _, key := range []targeting.Value{
		targeting.TextValue("k"), targeting.NumberValue("1"), targeting.BoolValue(true),
		{Kind: targeting.Null},
		{Kind: targeting.Array},
		{Kind: targeting.Object},
	} {
		for _, more := range []int{0, 100} {
			var c targeting.Context
			for i := range more {
				c.Add("m"+strconv.Itoa(i), targeting.TextValue("k"))
			}
			c.SetKey(key)
			conditions, err := targeting.NewConditions([]targeting.Spec{{
				Attribute: targeting.KeyAttribute, Operator: targeting.Contains, Values: text("k"),
			}})
			require.NoError(t, err)
			assert.Equal(t, key.Kind == targeting.Text, targeting.Hold(conditions, &c), key.Kind)
		}
	}
}

func TestKindsHaveTheNamesOfJSON(t *testing.T) {
	t.Parallel()
	var names []string
	for k := targeting.Absent; k <= targeting.Object; k++ {
		names = append(names, k.String())
	}
	assert.Equal(t, "absent null boolean number string array object", strings.Join(names, " "))
}

func TestExplanations(t *testing.T) {
	t.Parallel()
	has := func(name string, negate bool) targeting.Spec {
		return targeting.Spec{Attribute: name, Operator: targeting.Exists, Negate: negate}
	}
	specs := []targeting.Spec{
		has("a", false),
		{Group: targeting.AnyOf, Members: []targeting.Spec{has("b", false), {Group: targeting.NoneOf, Members: []targeting.Spec{has("a", true)}}}},
	}
	conditions, err := targeting.NewConditions(specs)
	require.NoError(t, err)
	for i, s := range specs {
		assert.Equal(t, s, conditions[i].Spec())
	}
	steps, held := targeting.Explain(conditions, contextOf(t, `{"a":"x"}`))
	assert.True(t, held)
	var sent []string
	for _, s := range steps {
		sent = append(sent, fmt.Sprintf("%s %t %s", s.Pointer, s.Held, s.Seen.Kind))
	}
	assert.Equal(t, []string{
		"/0 true string", "/1/any/0 false absent", "/1/any/1/none/0 false string", "/1/any/1 true absent", "/1 true absent",
	}, sent)
	steps, held = targeting.Explain(conditions, contextOf(t, `{}`))
	assert.False(t, held)
	assert.Len(t, steps, 5, "also where it is certain already")
	_, held = targeting.Explain(nil, contextOf(t, `{}`))
	assert.True(t, held)
}

// TestAskingAllocatesNothing is what makes evaluation cheap.
func TestAskingAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all goroutines
	var c targeting.Context
	for i := range 20 {
		c.Add("m"+strconv.Itoa(i), targeting.NumberValue(strconv.Itoa(i)))
	}
	c.Add("v", targeting.TextValue("2.10.3-rc.1+build.7"))
	c.Add("at", targeting.TextValue("2026-01-31T12:00:00.123+01:00"))
	c.Add("ip", targeting.TextValue("10.1.2.3"))
	c.Add("mail", targeting.TextValue("user123@example.com"))
	conditions, err := targeting.NewConditions([]targeting.Spec{
		{Attribute: "v", Operator: targeting.SemverGreater, Values: text("2.9.0")},
		{Attribute: "at", Operator: targeting.After, Values: text("2020-01-31T12:00:00Z")},
		{Attribute: "ip", Operator: targeting.InCIDR, Values: text("10.0.0.0/8")},
		{Attribute: "mail", Operator: targeting.Matches, Values: text(`@example\.(com|org)$`)},
		{Attribute: "mail", Operator: targeting.EndsWith, Values: text("@EXAMPLE.COM"), IgnoreCase: true},
		{Attribute: "m7", Operator: targeting.LessOrEqual, Values: number("7")},
		{Attribute: "m8.x", Operator: targeting.Exists, Negate: true},
	})
	require.NoError(t, err)
	require.True(t, targeting.Hold(conditions, &c))
	assert.Zero(t, testing.AllocsPerRun(200, func() { targeting.Hold(conditions, &c) }))
}
