package note

import (
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// ErrNotFound is a note that does not exist or is deleted.
var ErrNotFound = fault.New(fault.NotFound, "note_not_found", "The note does not exist.")

// MaxTextBytes is the longest text of a note.
const MaxTextBytes = 1000

// ID is a note's number, from 1.
type ID int64

// Identity identifies a note.
type Identity struct {
	Environment scope.Environment
	Name        scope.FlagName
}

// Entry is one version of a note.
type Entry struct {
	versioned.Entry[ID]
	Text string
}

// State is a note as of one version, for reading.
type State struct {
	ID       ID
	Identity Identity
	Text     string
	scope.Lifecycle
}

// Note is the aggregate.
type Note struct {
	versioned.Root[ID, Entry]
	identity Identity
	text     string
}

// New returns an unsaved note at version 1.
func New(identity Identity, text string, stamp scope.Stamp) *Note {
	n := &Note{identity: identity}
	n.change(scope.ActionCreate, text, stamp)
	return n
}

// Rehydrate rebuilds a note from storage; only stores call it.
func Rehydrate(s State) *Note {
	return &Note{Root: versioned.Rehydrate[ID, Entry](s.ID, s.Lifecycle), identity: s.Identity, text: s.Text}
}

// CheckText returns an error for a text that is too long.
func CheckText(text string) error {
	if len(text) > MaxTextBytes {
		return fault.Bad("text", "must be at most 1000 bytes long")
	}
	return nil
}

// Recreate creates a deleted note again. If it is not deleted, it is ErrAlreadyExists.
func (n *Note) Recreate(text string, stamp scope.Stamp) error {
	if !n.Deleted() {
		return scope.Exists(int64(n.ID()))
	}
	n.change(scope.ActionCreate, text, stamp)
	return nil
}

// Update replaces the text. A text that is the present one makes no version.
func (n *Note) Update(text string, stamp scope.Stamp) error {
	if n.Deleted() {
		return ErrNotFound
	}
	if text != n.text {
		n.change(scope.ActionUpdate, text, stamp)
	}
	return nil
}

// Delete makes the version of a deletion.
func (n *Note) Delete(stamp scope.Stamp) error {
	if n.Deleted() {
		return ErrNotFound
	}
	n.change(scope.ActionDelete, n.text, stamp)
	return nil
}

func (n *Note) change(action scope.Action, text string, stamp scope.Stamp) {
	entry := Entry{Entry: n.Next(action, stamp), Text: text}
	n.text = text
	n.AddEntry(entry)
	n.Record(newEvent(n.identity, entry))
}

// Identity returns the identity.
func (n *Note) Identity() Identity { return n.identity }

// State returns the current state.
func (n *Note) State() State {
	return State{ID: n.ID(), Identity: n.identity, Text: n.text, Lifecycle: n.Lifecycle()}
}
