package fault

import (
	"slices"
	"unicode/utf8"
)

// Bounds of what one Error lists, whatever the input was.
const (
	// MaxFields is how many fields an Error lists. Further ones are counted.
	MaxFields = 50
	// MaxFieldNameBytes and MaxFieldMessageBytes are the longest name and message of
	// a field. Longer ones are clipped and end with an ellipsis.
	MaxFieldNameBytes    = 256
	MaxFieldMessageBytes = 1024
)

// Collector gathers the fields of many ErrInvalid into one. It holds at most
// MaxFields of them and counts the rest, so that input at fault in a million places
// costs no more than the reading of it. The zero value is ready to use.
type Collector struct {
	fields  []Field
	omitted int
	other   error
}

// Bad notes one field at fault.
func (c *Collector) Bad(name, message string) {
	if c.Full() {
		c.omitted++
		return
	}
	c.fields = append(c.fields, newField(name, message))
}

// Note notes the fields of an ErrInvalid, and passes over nil. The first error that
// is not ErrInvalid becomes what Err returns.
func (c *Collector) Note(err error) {
	if err == nil {
		return
	}
	e := Of(err)
	if e.code != ErrInvalid.code {
		if c.other == nil {
			c.other = err
		}
		return
	}
	room := min(MaxFields-len(c.fields), len(e.fields))
	c.fields = append(c.fields, e.fields[:room]...)
	c.omitted += e.omitted + len(e.fields) - room
}

// Omit counts n fields at fault without listing them.
func (c *Collector) Omit(n int) { c.omitted += n }

// Full reports whether further fields are counted alone, so that a caller may spare
// itself the making of their names.
func (c *Collector) Full() bool { return len(c.fields) >= MaxFields }

// Any reports whether anything was noted.
func (c *Collector) Any() bool { return c.fields != nil || c.omitted > 0 || c.other != nil }

// Listed returns how many fields are listed so far: a mark for Prefix.
func (c *Collector) Listed() int { return len(c.fields) }

// Prefix puts prefix before the names of the fields that were listed since a mark.
func (c *Collector) Prefix(mark int, prefix string) {
	for i, f := range c.fields[mark:] {
		c.fields[mark+i] = newField(prefix+f.Name, f.Message)
	}
}

// Err returns what was noted as one ErrInvalid; the first other error, if there was
// one; nil without any.
func (c *Collector) Err() error {
	if c.other != nil {
		return c.other
	}
	if !c.Any() {
		return nil
	}
	merged := *ErrInvalid
	merged.fields, merged.omitted = slices.Clip(c.fields), c.omitted
	return &merged
}

// newField returns a field within the bounds.
func newField(name, message string) Field {
	return Field{Name: clip(name, MaxFieldNameBytes), Message: clip(message, MaxFieldMessageBytes)}
}

// clip returns text of at most so many bytes, whole runes of it.
func clip(text string, most int) string {
	const ellipsis = "…"
	if len(text) <= most {
		return text
	}
	end := most - len(ellipsis)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}
