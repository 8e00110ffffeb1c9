package configuration

import "context"

// TokenKind is what kind of row a token is in.
type TokenKind int

// The kinds, in the order of places.
const (
	// CurrentToken is the value of a configuration that is not deleted.
	CurrentToken TokenKind = iota + 1
	// DeletedToken is the value of a deleted one.
	DeletedToken
	// OldToken and NewToken are the values of a history entry.
	OldToken
	NewToken
)

// TokenPlace is where a token is stored: the kind of its row, and the row's id. Places are
// ordered by both; the zero place is before the first.
type TokenPlace struct {
	Kind TokenKind
	ID   int64
}

// StoredToken is an encrypted value as it is stored.
type StoredToken struct {
	TokenPlace

	Token string
	// Seal is the recorded one, without a key or a MAC where there is none.
	Seal  Seal
	Owner Owner
}

// Replacement is a token, with its seal, that replaces another one of the same value.
type Replacement struct {
	StoredToken

	With  string
	Under Seal
}

// KeyUse is how many stored tokens have the same recorded key, and how many of them no MAC.
type KeyUse struct {
	// Key is the fingerprint, empty where none is recorded.
	Key             string
	Tokens, Unbound int64
}

// Vault reads and replaces stored tokens, for the rotation of encryption keys.
type Vault interface {
	// Stored returns the tokens behind a place, in order, at most limit.
	Stored(ctx context.Context, after TokenPlace, limit int) ([]StoredToken, error)
	// Replace replaces tokens and their seals, each only where the token is still stored at its
	// place, for the same version, and returns how many it has replaced. Versions, times and
	// histories stay as they are.
	Replace(ctx context.Context, list []Replacement) (int, error)
	// Uses counts all stored tokens by their recorded key, ordered by it.
	Uses(ctx context.Context) ([]KeyUse, error)
	// Enforced reports whether a token without a MAC is to be rejected.
	Enforced(ctx context.Context) (bool, error)
	// Enforce makes Enforced true for good.
	Enforce(ctx context.Context) error
}
