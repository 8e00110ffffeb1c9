package configuration

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Version counts a configuration's changes, from 1 and without a gap.
type Version int64

// Action is what made a version. The zero value is no action.
type Action uint8

// The actions.
const (
	ActionCreate Action = iota + 1
	ActionUpdate
	ActionRollback
	ActionDelete
)

// Actions returns every action.
func Actions() []Action { return []Action{ActionCreate, ActionUpdate, ActionRollback, ActionDelete} }

// String returns "create", "update", "rollback" or "delete".
func (a Action) String() string {
	switch a {
	case ActionCreate:
		return "create"
	case ActionUpdate:
		return "update"
	case ActionRollback:
		return "rollback"
	case ActionDelete:
		return "delete"
	}
	return "unknown"
}

// ParseAction is the inverse of String; another text is ErrInvalid for "action".
func ParseAction(text string) (Action, error) {
	for _, a := range Actions() {
		if a.String() == text {
			return a, nil
		}
	}
	return 0, fault.Bad("action", "must be create, update, rollback or delete")
}

// HistoryEntry is one version as it was made: what it replaced, what it set, and
// who made it. Entries are never changed, but for Seal: turning encryption on
// seals the values of the earlier ones.
type HistoryEntry struct {
	// ID numbers the entries of all configurations; 0 until it is stored.
	ID              int64
	ConfigurationID ID
	Version         Version
	Action          Action
	// Old is what stood before; none for what was created anew.
	Old Content
	// New is what stands from this version on; none for a deletion.
	New Content
	// Description and Encrypted are as they stand from this version on.
	Description Description
	Encrypted   bool
	Stamp       scope.Stamp
}

// Seal returns the entry with its plain values sealed. An entry whose values
// are sealed, or that has none, comes back as it is but for Encrypted.
func (e HistoryEntry) Seal(seal Sealer) (HistoryEntry, error) {
	for _, content := range []*Content{&e.Old, &e.New} {
		if content.IsZero() || content.Encrypted() {
			continue
		}
		sealed, err := seal(*content)
		if err != nil {
			return HistoryEntry{}, err
		}
		*content = sealed
	}
	e.Encrypted = true
	return e, nil
}

// State is a configuration as it stood at one version. It holds what readers
// see, and nothing that can change it.
type State struct {
	ID          ID
	Identity    Identity
	Content     Content
	Description Description
	Version     Version
	CreatedAt   time.Time
	UpdatedAt   time.Time
	UpdatedBy   scope.Actor
	Deleted     bool
}

// AsOf returns the configuration as it stood when entry was made. A deletion is
// ErrNotFound.
func (c *Configuration) AsOf(entry HistoryEntry) (State, error) {
	if entry.Action == ActionDelete {
		return State{}, ErrNotFound
	}
	s := c.State()
	s.Content, s.Description, s.Version = entry.New, entry.Description, entry.Version
	s.UpdatedAt, s.UpdatedBy, s.Deleted = entry.Stamp.At, entry.Stamp.By, false
	return s, nil
}
