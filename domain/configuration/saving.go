package configuration

// Unsaved is what a Repository has to write for one configuration, all or none.
type Unsaved struct {
	// State is what stands after the change.
	State State
	// Base is the version that the store must hold; 0 for one that it must not
	// have yet.
	Base Version
	// Entries are the history entries to add, oldest first; their
	// ConfigurationID is 0 where Base is.
	Entries []HistoryEntry
	// Sealer, where there is one, seals the values of every entry at or below Base.
	Sealer Sealer
}

// Unsaved returns what is to be written; without Entries there is nothing.
// Events are PendingEvents.
func (c *Configuration) Unsaved() Unsaved {
	return Unsaved{State: c.state, Base: c.stored.version, Entries: c.entries, Sealer: c.sealer}
}

// MarkSaved tells the configuration that it is stored, under which id, and the id
// of the event that made its version; only stores call it, after their commit.
func (c *Configuration) MarkSaved(id ID, event string) {
	c.state.ID, c.state.Event = id, event
	c.stored = stored{version: c.state.Version, encrypted: c.state.Content.Encrypted()}
	c.entries, c.sealer = nil, nil
	c.ForgetEvents()
}
