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

// Collector gathers the fields of many ErrInvalid into one. It stores at most MaxFields
// of them and counts the rest, so that input with a million errors costs no more than
// reading it. The zero value is ready to use.
type Collector struct {
	fields  []Field
	omitted int
	other   error
}

// Bad adds one invalid field.
func (c *Collector) Bad(name, message string) {
	if c.Full() {
		c.omitted++
		return
	}
	c.fields = append(c.fields, newField(name, message))
}

// Note adds the fields of an ErrInvalid, and skips nil. The first error that is not
// ErrInvalid becomes what Err returns.
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

// Omit counts n invalid fields without listing them.
func (c *Collector) Omit(n int) { c.omitted += n }

// Full reports whether further fields are only counted, so that a caller need not build
// their names.
func (c *Collector) Full() bool { return len(c.fields) >= MaxFields }

// Any reports whether anything was added.
func (c *Collector) Any() bool { return c.fields != nil || c.omitted > 0 || c.other != nil }

// Listed returns how many fields are listed so far, for Prefix.
func (c *Collector) Listed() int { return len(c.fields) }

// Prefix prepends prefix to the names of the fields from that index on.
func (c *Collector) Prefix(mark int, prefix string) {
	for i, f := range c.fields[mark:] {
		c.fields[mark+i] = newField(prefix+f.Name, f.Message)
	}
}

// Err returns the added fields as one ErrInvalid; the first other error, if there was
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

// clip returns the text cut to at most so many bytes, between runes.
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
