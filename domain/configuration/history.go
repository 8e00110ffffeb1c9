package configuration

import (
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Version counts a configuration's changes, from 1 and without a gap.
type Version = scope.Version

// Action is what made a version.
type Action = scope.Action

// HistoryEntry is one version: the content before and after, and its author. Entries are
// never changed, but for Seal: turning encryption on seals the values of the earlier
// ones.
type HistoryEntry struct {
	versioned.Entry[ID]
	// Old is the content before; none for a creation.
	Old Content
	// New is the content from this version on; none for a deletion.
	New Content
	// Description and Encrypted are those from this version on.
	Description Description
	Encrypted   bool
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

// State is a configuration as of one version, for reading.
type State struct {
	ID          ID
	Identity    Identity
	Content     Content
	Description Description
	scope.Lifecycle
}

// AsOf returns the configuration as of an entry. A deletion is ErrNotFound, an unreadable
// entry ErrDamaged.
func (c *Configuration) AsOf(entry HistoryEntry) (State, error) {
	if err := entry.Damage(); err != nil {
		return State{}, err
	}
	if entry.Action == scope.ActionDelete {
		return State{}, ErrNotFound
	}
	s := c.State()
	s.Content, s.Description = entry.New, entry.Description
	s.Lifecycle = s.AsOf(entry.Version, entry.Stamp)
	return s, nil
}
