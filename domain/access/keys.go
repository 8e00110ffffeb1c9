package access

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Page is a page of keys.
type Page = versioned.Page[*APIKey]

// Keys stores API keys and the server's secret for their digests. A store that cannot be
// reached is fault.ErrUnavailable from every method.
type Keys interface {
	// Create stores a new key, or is ErrKeyTaken.
	Create(ctx context.Context, key *APIKey) error
	// CreateFirst stores the key if there is no other, not even a revoked one, and
	// reports whether it did. Of concurrent calls one does.
	CreateFirst(ctx context.Context, key *APIKey) (bool, error)
	// Find returns the key of that id, or ErrKeyNotFound.
	Find(ctx context.Context, id string) (*APIKey, error)
	// FindAll returns the keys of those ids, at most 1,000, by their ids. Ids that do
	// not exist are missing.
	FindAll(ctx context.Context, ids []string) (map[string]*APIKey, error)
	// List returns a page of all keys but those of logins, the oldest first, then by id. A position is the
	// time of creation, as RFC 3339 with microseconds, and the id.
	List(ctx context.Context, w scope.Window) (Page, error)
	// Change applies a change to the key of that id and stores it, and returns the key
	// after it. Concurrent changes of all keys follow one another. The change learns
	// whether there is another key that is a usable admin (APIKey.UsableAdmin) at a time;
	// its error ends the call, and nothing is stored. An id that does not exist is
	// ErrKeyNotFound.
	Change(ctx context.Context, id string, at time.Time, apply func(key *APIKey, another bool) error) (*APIKey, error)
	// Pepper returns the server's secret. Where there is none yet it stores the
	// candidate; concurrent callers get the same.
	Pepper(ctx context.Context, candidate secret.Text) (secret.Text, error)
}

// KeyUses stores when keys were last used.
type KeyUses interface {
	// Used stores the times by the ids of the keys, at most 1,000, where they are later
	// than the stored ones. Ids that do not exist are ignored.
	Used(ctx context.Context, last map[string]time.Time) error
}

// KeyChanges notifies processes of keys that other processes create and change, so that a
// change is effective before what they remember of the key is stale.
type KeyChanges interface {
	// Listen calls changed with the id of each key that a process creates or changes, and with
	// AllLogins where what is trusted has changed, after the commit, until ctx ends; then it
	// returns nil. A change that fails has no notification. A store without notifications
	// returns nil at once, and a lost connection is an error. Changed must not block.
	// Notifications may be lost.
	Listen(ctx context.Context, changed func(id string)) error
}
