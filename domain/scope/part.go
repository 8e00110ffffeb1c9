package scope

// PartBytes bounds a part of a page, in bytes as stored, except where a single row is
// longer. A page is read in parts so that it is never in memory as a whole.
const PartBytes = 256 << 10

// Position is where an item is in its list: the values that order the list, as text. The
// empty position is before the first item.
type Position []string

// Window says which items of an ordered list are wanted: of those behind a position, all
// but the first Offset ones, at most Limit. What is added or deleted before the position
// does not move the window.
type Window struct {
	// Limit is 1 to 1000, Offset 0 or more.
	Limit, Offset int
	After         Position
}
