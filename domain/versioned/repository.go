package versioned

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Repository stores aggregates of type A with ids of type I, which have an identity of
// type N and are listed by queries of type Q. It returns deleted and damaged ones too;
// the caller decides what they mean. A row that breaks a rule costs that row only. A
// store that cannot be reached is fault.ErrUnavailable from every method.
type Repository[I ~int64, N comparable, Q, A any] interface {
	// Save writes the unsaved changes of all the given aggregates in one transaction:
	// state, history entries and events, all or none. It marks them saved and gives new
	// ones their id. One without changes is skipped.
	//
	// scope.ErrStale: the store holds another version than the one that was loaded.
	// scope.ErrAlreadyExists: a new one's identity exists already, also as a deleted one.
	// After an error that is no refusal (fault.Unavailable or fault.Internal) it is unknown
	// whether the store has them, unless it wraps fault.ErrUnreached.
	Save(ctx context.Context, aggregates ...A) error
	// Find returns the aggregate of that id, or the module's ErrNotFound.
	Find(ctx context.Context, id I) (A, error)
	// FindByIdentity returns the aggregate of that identity, or the module's ErrNotFound.
	FindByIdentity(ctx context.Context, identity N) (A, error)
	// List returns a page of what matches, ordered by the parts of the identity
	// (bytewise), with the true number of all that matches as of the same moment. A page
	// of many bytes comes in parts: see scope.PartBytes.
	// The position of an item is these parts.
	List(ctx context.Context, query Q) (Page[A], error)
}

// Page is a part of a list, or the first part of it.
type Page[A any] struct {
	Items []A
	// Positions are those of Items, in their order.
	Positions []scope.Position
	Total     int
	// More reports whether items follow the page.
	More bool
	// Bytes is how many bytes the store holds of this part.
	Bytes int
	// Next returns the next part of the same page; it is nil at the end. What was
	// deleted since the first part was read is left out.
	Next func(context.Context) (Page[A], error)
}

// Map returns a page with the items that convert returns for those of p.
func Map[A, B any](p Page[A], convert func(A) B) Page[B] {
	out := Page[B]{Positions: p.Positions, Total: p.Total, More: p.More, Bytes: p.Bytes, Items: make([]B, len(p.Items))}
	for i, item := range p.Items {
		out.Items[i] = convert(item)
	}
	if p.Next != nil {
		out.Next = func(ctx context.Context) (Page[B], error) {
			next, err := p.Next(ctx)
			return Map(next, convert), err
		}
	}
	return out
}

// History reads what a Repository has saved, version by version. An entry whose row
// breaks a rule is Damaged and keeps its position.
type History[I ~int64, E any] interface {
	// Entry returns the entry that made a version, or scope.ErrVersionNotFound.
	Entry(ctx context.Context, id I, version scope.Version) (E, error)
	// EntryAt returns the newest entry made at or before that time, or
	// scope.ErrVersionNotFound where there is none.
	EntryAt(ctx context.Context, id I, at time.Time) (E, error)
	// Entries returns a page of entries, newest first, with the number of all; an
	// aggregate that does not exist has none. A page of many bytes comes in parts. The
	// position of an entry is its version.
	Entries(ctx context.Context, id I, window scope.Window) (Page[E], error)
}
