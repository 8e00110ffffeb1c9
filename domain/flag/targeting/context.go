package targeting

import (
	"context"
	"strconv"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
)

// KeyAttribute is the attribute of a context with the targeting key.
const KeyAttribute = "targetingKey"

// Kind is the JSON type of a value. The zero value is that of an absent value.
type Kind uint8

// The kinds.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	Text
	Array
	Object
)

// String returns "absent", "null", "boolean", "number", "string", "array" or "object".
func (k Kind) String() string {
	return [...]string{"absent", "null", "boolean", "number", "string", "array", "object"}[k]
}

// Value is a JSON value. Of arrays and objects only the kind is known.
type Value struct {
	Kind Kind
	// Text is an unquoted string, a number as it was written (which is exact), or "true"
	// and "false".
	Text string
}

// TextValue returns a string.
func TextValue(text string) Value { return Value{Kind: Text, Text: text} }

// NumberValue returns a number by its JSON literal.
func NumberValue(literal string) Value { return Value{Kind: Number, Text: literal} }

// BoolValue returns true or false.
func BoolValue(b bool) Value { return Value{Kind: Bool, Text: strconv.FormatBool(b)} }

// BucketKey returns the key of the value. Ok is false for other types than string, number
// and boolean, and for the empty string.
func (v Value) BucketKey() (key rollout.Key, ok bool) {
	switch v.Kind {
	case Text:
		return rollout.Key{Tag: 's', Text: v.Text}, v.Text != ""
	case Number:
		return rollout.Key{Tag: 'n', Text: canonicalNumber(v.Text)}, true
	case Bool:
		return rollout.Key{Tag: 'b', Text: v.Text}, true
	case Absent, Null, Array, Object:
	}
	return rollout.Key{}, false
}

// indexFrom is the number of values from which a context is indexed, instead of searched
// linearly.
const indexFrom = 32

// Context is the evaluation context of a caller: a JSON object. It is built in the order
// of its JSON: Add for scalars, Open and Close around arrays and objects. The zero value
// is the empty context. It must not be used concurrently.
type Context struct {
	key   Value
	nodes []node
	open  []int32
	index map[place]int32

	until   context.Context //nolint:containedctx // of the call that the context belongs to
	spent   int
	failure Failure
}

// node is a value in the order of the JSON. Next is the position after its content, and
// count the number of its own elements or members.
type node struct {
	name  string
	value Value
	next  int32
	count int32
}

type place struct {
	parent int32
	name   string
}

// root is the parent of the outermost members.
const root = -1

// Reset empties the context and keeps its memory.
func (c *Context) Reset() {
	clear(c.nodes)
	*c = Context{nodes: c.nodes[:0], open: c.open[:0]}
}

// SetKey sets the targeting key, which wins over one in the context.
func (c *Context) SetKey(key Value) { c.key = key }

// Add adds a member to the open value, or an element, which has an empty name.
func (c *Context) Add(name string, v Value) {
	c.place(name)
	if n := len(c.open); n > 0 {
		c.nodes[c.open[n-1]].count++
	}
	next := int32(len(c.nodes) + 1) //nolint:gosec // bounded by a body
	c.nodes = append(c.nodes, node{name: name, value: v, next: next})
}

// Open begins a member that is an Array or an Object; values added before Close are its
// content.
func (c *Context) Open(name string, kind Kind) {
	c.Add(name, Value{Kind: kind})
	c.open = append(c.open, int32(len(c.nodes)-1)) //nolint:gosec // bounded by a body
}

// Close ends the value that was opened last.
func (c *Context) Close() {
	last := len(c.open) - 1
	c.nodes[c.open[last]].next = int32(len(c.nodes)) //nolint:gosec // bounded by a body
	c.open = c.open[:last]
}

// place updates the index, if there is one.
func (c *Context) place(name string) {
	if len(c.nodes) < indexFrom {
		return
	}
	if c.index == nil {
		c.index = make(map[place]int32, 4*indexFrom)
		c.indexAll(root, 0, int32(len(c.nodes))) //nolint:gosec // is indexFrom
	}
	parent := int32(root)
	if n := len(c.open); n > 0 {
		parent = c.open[n-1]
	}
	if _, taken := c.index[place{parent, name}]; !taken {
		c.index[place{parent, name}] = int32(len(c.nodes)) //nolint:gosec // bounded by a body
	}
}

// indexAll indexes the nodes of a parent between two positions. An open value has no end
// yet, and ends with the context.
func (c *Context) indexAll(parent, from, to int32) {
	for i := from; i < to; {
		end := c.nodes[i].next
		for _, o := range c.open {
			if o == i {
				end = to
			}
		}
		if _, taken := c.index[place{parent, c.nodes[i].name}]; !taken {
			c.index[place{parent, c.nodes[i].name}] = i
		}
		if i+1 < end {
			c.indexAll(i, i+1, end)
		}
		i = end
	}
}

// Key returns the targeting key: the one that was set, else the member targetingKey. A
// number is the string of its canonical form, so that 42, 42.0 and "42" are one user.
func (c *Context) Key() Value {
	key := c.key
	if key.Kind == Absent {
		key = c.at(c.member(root, KeyAttribute))
	}
	if key.Kind == Number {
		return TextValue(canonicalNumber(key.Text))
	}
	return key
}

// path is an attribute's name, and its segments where it has dots.
type path struct {
	whole    string
	segments []string
}

func newPath(attribute string) path {
	p := path{whole: attribute}
	if strings.Contains(attribute, ".") {
		p.segments = strings.Split(attribute, ".")
	}
	return p
}

// Lookup returns the value of an attribute: the member of that name, else the one at the
// path that its dots separate, through objects only. A missing value is Absent.
func (c *Context) Lookup(attribute string) Value {
	v, _ := c.lookup(newPath(attribute))
	return v
}

func (c *Context) lookup(p path) (Value, int32) {
	if p.whole == KeyAttribute && c.key.Kind != Absent {
		return c.key, root
	}
	if at := c.member(root, p.whole); at != root {
		return c.nodes[at].value, at
	}
	at := int32(root)
	for i, segment := range p.segments {
		if i > 0 && c.nodes[at].value.Kind != Object {
			return Value{}, root
		}
		if at = c.member(at, segment); at == root {
			return Value{}, root
		}
	}
	return c.at(at), at
}

func (c *Context) at(i int32) Value {
	if i == root {
		return Value{}
	}
	return c.nodes[i].value
}

// member returns the position of a member of that name, or root for none.
func (c *Context) member(parent int32, name string) int32 {
	if c.index != nil {
		if at, ok := c.index[place{parent, name}]; ok {
			return at
		}
		return root
	}
	end := int32(len(c.nodes)) //nolint:gosec // at most indexFrom
	if parent != root {
		end = c.nodes[parent].next
	}
	for i := parent + 1; i < end; i = c.nodes[i].next {
		if c.nodes[i].name == name {
			return i
		}
	}
	return root
}

// anyElement reports whether an element of the array at a position matches. A key that
// was set has no position, and no elements. An array of too many elements is TooLarge.
func (c *Context) anyElement(array int32, passes func(Value) bool) bool {
	if array == root {
		return false
	}
	count := c.nodes[array].count
	if count > MaxElements {
		c.refuse()
		return false
	}
	c.spend(int(count) * effortOfElement)
	for i := array + 1; i < c.nodes[array].next; i = c.nodes[i].next {
		if passes(c.nodes[i].value) {
			return true
		}
	}
	return false
}
