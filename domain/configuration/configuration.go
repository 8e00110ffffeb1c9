package configuration

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Configuration is the aggregate: one value of one service in one environment,
// with its version. Changes are made by its methods, which keep the version, the
// history and the events in step; a Repository stores all three at once.
type Configuration struct {
	event.Recorder
	state   State
	stored  stored
	entries []HistoryEntry
	sealer  Sealer
}

// stored is what the store is known to hold.
type stored struct {
	version   Version
	encrypted bool
}

// Draft is what a writer decides about a configuration.
type Draft struct {
	Content     Content
	Description Description
}

// New returns a configuration that no store has seen, at version 1.
func New(identity Identity, draft Draft, stamp scope.Stamp) *Configuration {
	c := &Configuration{state: State{Identity: identity}}
	c.change(scope.ActionCreate, draft, stamp)
	return c
}

// Rehydrate rebuilds a configuration from storage; only stores call it.
func Rehydrate(state State) *Configuration {
	return &Configuration{
		state:  state,
		stored: stored{version: state.Version, encrypted: state.Content.Encrypted()},
	}
}

// Recreate brings a deleted configuration back with new content; id and version
// go on. On one that lives it is ErrAlreadyExists with its id.
func (c *Configuration) Recreate(draft Draft, stamp scope.Stamp) error {
	if !c.state.Deleted {
		return scope.Exists(int64(c.state.ID))
	}
	c.change(scope.ActionCreate, draft, stamp)
	return nil
}

// Update replaces content and description, and reports whether anything changed:
// a draft equal to what stands makes no version. A deleted configuration is
// ErrNotFound.
//
// Sealed content is compared by its token. Ciphers never make the same token
// twice, so a caller that has the same value at hand passes the present content.
func (c *Configuration) Update(draft Draft, stamp scope.Stamp) (changed bool, err error) {
	if c.state.Deleted {
		return false, ErrNotFound
	}
	if err := c.Damage(); err != nil {
		return false, err
	}
	if draft == c.draft() {
		return false, nil
	}
	c.change(scope.ActionUpdate, draft, stamp)
	return true, nil
}

// RollBack makes what stood at entry the present again, as a new version with
// its value, description and encryption; a deleted configuration comes back. It
// reports whether anything changed: going back to what stands makes no version.
// An entry that is a deletion is ErrVersionIsDelete, one that cannot be read is
// ErrDamaged. It mends a damaged configuration, unless its identity is what is
// damaged: ErrDamaged.
func (c *Configuration) RollBack(entry HistoryEntry, stamp scope.Stamp) (changed bool, err error) {
	if entry.Action == scope.ActionDelete {
		return false, ErrVersionIsDelete
	}
	if entry.Damaged {
		return false, entry.damage()
	}
	if _, err := c.state.Identity.Locator().Parse(); err != nil {
		return false, c.Damage()
	}
	draft := Draft{Content: entry.New, Description: entry.Description}
	if !c.state.Deleted && !c.state.Damaged && draft == c.draft() {
		return false, nil
	}
	c.change(scope.ActionRollback, draft, stamp)
	return true, nil
}

// Delete makes the version in which the configuration does not exist, also of a
// damaged one. One that is deleted already is ErrNotFound.
func (c *Configuration) Delete(stamp scope.Stamp) error {
	if c.state.Deleted {
		return ErrNotFound
	}
	c.change(scope.ActionDelete, c.draft(), stamp)
	return nil
}

// Expect returns ErrStale with the present version unless that is one of the
// versions. Nothing expected is nil.
func (c *Configuration) Expect(versions ...Version) error { return c.state.Expect(versions...) }

func (c *Configuration) change(action Action, draft Draft, stamp scope.Stamp) {
	entry := HistoryEntry{
		ConfigurationID: c.state.ID,
		Action:          action,
		New:             draft.Content,
		Description:     draft.Description,
		Encrypted:       draft.Content.Encrypted(),
	}
	if !c.state.Deleted {
		entry.Old = c.state.Content
	}
	if action == scope.ActionDelete {
		entry.New = Content{}
	}
	revived := c.state.Deleted
	entry.Stamp = c.state.Advance(action, stamp)
	entry.Version = c.state.Version
	c.state.Content, c.state.Description = draft.Content, draft.Description
	c.state.Damaged = c.state.Damaged && action == scope.ActionDelete
	c.entries = append(c.entries, entry)
	c.Record(newEvent(c.state, entry, revived))
}

func (c *Configuration) draft() Draft {
	return Draft{Content: c.state.Content, Description: c.state.Description}
}

// Damage returns ErrDamaged with the id where the stored row could not be read, else
// nil.
func (c *Configuration) Damage() error { return c.state.DamagedAt(int64(c.state.ID)) }

// State returns the configuration as it stands.
func (c *Configuration) State() State { return c.state }

// ID returns the id, 0 before the first Save.
func (c *Configuration) ID() ID { return c.state.ID }

// Identity returns what tells the configuration from others.
func (c *Configuration) Identity() Identity { return c.state.Identity }

// Version returns the present version.
func (c *Configuration) Version() Version { return c.state.Version }

// Content returns the content; a deleted configuration keeps its last one.
func (c *Configuration) Content() Content { return c.state.Content }

// Deleted reports whether the configuration is deleted.
func (c *Configuration) Deleted() bool { return c.state.Deleted }

// UpdatedAt returns when the present version was made.
func (c *Configuration) UpdatedAt() time.Time { return c.state.UpdatedAt }

// NeedsSealing reports whether the unsaved changes turned encryption on while
// the history may hold plain values. Such a configuration has to be given a
// Sealer before it is saved.
func (c *Configuration) NeedsSealing() bool {
	return c.stored.version > 0 && !c.stored.encrypted && c.state.Content.Encrypted()
}

// SealHistoryWith seals the values in the unsaved history entries, and makes the
// next Save seal those of the earlier ones in its own transaction.
func (c *Configuration) SealHistoryWith(seal Sealer) error {
	for i, e := range c.entries {
		sealed, err := e.Seal(seal)
		if err != nil {
			return err
		}
		c.entries[i] = sealed
	}
	c.sealer = seal
	return nil
}
