package configstore

import (
	"context"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
)

// Tokens reads stored tokens of encrypted values.
type Tokens struct{ store *bunstore.Store }

// NewTokens returns the tokens of a store.
func NewTokens(s *bunstore.Store) Tokens { return Tokens{store: s} }

// Tokens returns at most limit tokens, of configurations and else of their history.
func (t Tokens) Tokens(ctx context.Context, limit int) ([]string, error) {
	var tokens []string
	err := bunstore.ScanSelect(ctx, t.store.NewSelect().Model((*configurationRow)(nil)).Column("value").
		Where("is_encrypted = ?", true).Where("value IS NOT NULL").Order("id"), limit, &tokens)
	if err == nil && len(tokens) == 0 {
		err = bunstore.ScanSelect(ctx, t.store.NewSelect().Model((*entryRow)(nil)).Column("new_value").
			Where("new_encrypted = ?", true).Where("new_value IS NOT NULL").Order("id"), limit, &tokens)
	}
	return tokens, dberror.Translate(err, "load encrypted values", nil)
}
