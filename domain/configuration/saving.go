package configuration

import "github.com/signalbox-hq/signalbox/domain/versioned"

// Unsaved is what a Repository has to write for one configuration, all or none.
type Unsaved struct {
	versioned.Unsaved[State, HistoryEntry]
	// Sealer, where there is one, seals the values of every entry at or below Base.
	Sealer Sealer
	// Binder, where there is one, binds the tokens that Sealer makes.
	Binder Binder
}

// Unsaved returns what is to be written; without Entries there is nothing.
func (c *Configuration) Unsaved() Unsaved {
	return Unsaved{
		Unsaved: versioned.Unsaved[State, HistoryEntry]{State: c.State(), Base: c.Base(), Entries: c.Entries()},
		Sealer:  c.sealer, Binder: c.binder,
	}
}

// MarkSaved records that the configuration is stored, under which id, and the id of the
// event that made its version; only stores call it, after their commit.
func (c *Configuration) MarkSaved(id ID, event string) {
	c.Root.MarkSaved(id, event)
	c.storedEncrypted, c.sealer = c.present.Content.Encrypted(), nil
	c.binder = nil
}
