package configuration

import (
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Configuration is the aggregate: one value of one service in one environment,
// with its version. Changes are made by its methods, which keep the version, the
// history and the events in step; a Repository stores all three at once.
type Configuration struct {
	versioned.Root[ID, HistoryEntry]
	identity Identity
	present  Draft
	// storedEncrypted says that the stored content is encrypted.
	storedEncrypted bool
	sealer          Sealer
	binder          Binder
}

// Draft is the part of a configuration that a writer sets.
type Draft struct {
	Content     Content
	Description Description
}

func (d Draft) same(other Draft) bool {
	return d.Content.same(other.Content) && d.Description == other.Description
}

// New returns an unsaved configuration at version 1.
func New(identity Identity, draft Draft, stamp scope.Stamp) *Configuration {
	c := &Configuration{identity: identity}
	c.change(scope.ActionCreate, draft, stamp)
	return c
}

// Rehydrate rebuilds a configuration from storage; only stores call it.
func Rehydrate(state State) *Configuration {
	return &Configuration{
		Root:            versioned.Rehydrate[ID, HistoryEntry](state.ID, state.Lifecycle),
		identity:        state.Identity,
		present:         Draft{Content: state.Content, Description: state.Description},
		storedEncrypted: state.Content.Encrypted(),
	}
}

// Recreate creates a deleted configuration again, with new content; id and version
// continue. If it is not deleted, it is ErrAlreadyExists with its id.
func (c *Configuration) Recreate(draft Draft, stamp scope.Stamp) error {
	if !c.Deleted() {
		return scope.Exists(int64(c.ID()))
	}
	c.change(scope.ActionCreate, draft, stamp)
	return nil
}

// Update replaces content and description, and reports whether anything changed: a draft
// equal to the current state makes no version. A deleted configuration is ErrNotFound.
//
// Sealed content is compared by its token. Ciphers never make the same token twice, so a
// caller with an unchanged value passes the present content.
func (c *Configuration) Update(draft Draft, stamp scope.Stamp) (changed bool, err error) {
	if c.Deleted() {
		return false, ErrNotFound
	}
	if err := c.Damage(); err != nil {
		return false, err
	}
	if draft.same(c.present) {
		return false, nil
	}
	c.change(scope.ActionUpdate, draft, stamp)
	return true, nil
}

// RollBack restores the state of an entry as a new version, with its value, description
// and encryption; a deleted configuration is restored too. It reports whether anything
// changed: a rollback to the current state makes no version. An entry that is a deletion
// is ErrVersionIsDelete, an unreadable one ErrDamaged. It repairs a damaged
// configuration, unless its identity is damaged: ErrDamaged.
func (c *Configuration) RollBack(entry HistoryEntry, stamp scope.Stamp) (changed bool, err error) {
	if entry.Action == scope.ActionDelete {
		return false, ErrVersionIsDelete
	}
	if err := entry.Damage(); err != nil {
		return false, err
	}
	if _, err := c.identity.Locator().Parse(); err != nil {
		return false, c.Damage()
	}
	draft := Draft{Content: entry.New, Description: entry.Description}
	if !c.Deleted() && !c.Damaged() && draft.same(c.present) {
		return false, nil
	}
	c.change(scope.ActionRollback, draft, stamp)
	return true, nil
}

// Delete makes the version of a deletion, also of a damaged configuration. A deleted one
// is ErrNotFound.
func (c *Configuration) Delete(stamp scope.Stamp) error {
	if c.Deleted() {
		return ErrNotFound
	}
	c.change(scope.ActionDelete, c.present, stamp)
	return nil
}

func (c *Configuration) change(action Action, draft Draft, stamp scope.Stamp) {
	entry := HistoryEntry{
		New:         draft.Content,
		Description: draft.Description,
		Encrypted:   draft.Content.Encrypted(),
	}
	revived := c.Deleted()
	if !revived {
		entry.Old = c.present.Content
	}
	if action == scope.ActionDelete {
		entry.New = Content{}
	} else {
		c.ClearDamage()
	}
	entry.Entry = c.Next(action, stamp)
	c.present = draft
	c.AddEntry(entry)
	c.Record(newEvent(c.identity, entry, revived))
}

// State returns the current state.
func (c *Configuration) State() State {
	return State{
		ID: c.ID(), Identity: c.identity, Content: c.present.Content, Description: c.present.Description,
		Lifecycle: c.Lifecycle(),
	}
}

// Identity returns the identity.
func (c *Configuration) Identity() Identity { return c.identity }

// Content returns the content; a deleted configuration keeps its last one.
func (c *Configuration) Content() Content { return c.present.Content }

// NeedsSealing reports whether the unsaved changes turned encryption on while the history
// may contain plain values. Such a configuration has to be given a Sealer before it is
// saved.
func (c *Configuration) NeedsSealing() bool {
	return c.Base() > 0 && !c.storedEncrypted && c.present.Content.Encrypted()
}

// SealHistoryWith seals the values in the unsaved history entries, and makes the
// next Save seal those of the earlier ones in its own transaction.
func (c *Configuration) SealHistoryWith(seal Sealer) error {
	entries := c.Entries()
	for i, e := range entries {
		sealed, err := e.Seal(seal)
		if err != nil {
			return err
		}
		entries[i] = sealed
	}
	c.sealer = seal
	return nil
}
