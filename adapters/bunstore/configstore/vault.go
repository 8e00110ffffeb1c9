package configstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// Vault reads and replaces the stored tokens of encrypted values.
type Vault struct{ store *bunstore.Store }

var _ configuration.Vault = (*Vault)(nil)

// NewVault returns the tokens of a store.
func NewVault(s *bunstore.Store) *Vault { return &Vault{store: s} }

// tokenColumn is where tokens of a kind are.
type tokenColumn struct{ table, column, encrypted string }

func columnOf(kind configuration.TokenKind) tokenColumn {
	switch kind {
	case configuration.CurrentToken:
		return tokenColumn{"configurations", "value", "is_encrypted"}
	case configuration.DeletedToken:
		return tokenColumn{"deleted_configurations", "value", "is_encrypted"}
	case configuration.OldToken:
		return tokenColumn{"configuration_history", "old_value", "old_encrypted"}
	case configuration.NewToken:
		return tokenColumn{"configuration_history", "new_value", "new_encrypted"}
	}
	return tokenColumn{}
}

// tokenRow is a token with the id of its row.
type tokenRow struct {
	ID    int64
	Token string
}

// Stored returns the tokens behind a place.
func (v *Vault) Stored(
	ctx context.Context, after configuration.TokenPlace, limit int,
) ([]configuration.StoredToken, error) {
	var list []configuration.StoredToken
	first := max(after.Kind, configuration.CurrentToken)
	for kind := first; kind <= configuration.NewToken && len(list) < limit; kind++ {
		if kind > after.Kind {
			after.ID = 0
		}
		of := columnOf(kind)
		var rows []tokenRow
		q := v.store.NewSelect().Table(of.table).Column("id").ColumnExpr("? AS token", bun.Ident(of.column)).
			Where("? = ?", bun.Ident(of.encrypted), true).Where("? IS NOT NULL", bun.Ident(of.column)).
			Where("id > ?", after.ID).Order("id")
		if err := bunstore.ScanSelect(ctx, q, limit-len(list), &rows); err != nil {
			return nil, dberror.Translate(err, "load encrypted values", nil)
		}
		for _, r := range rows {
			place := configuration.TokenPlace{Kind: kind, ID: r.ID}
			list = append(list, configuration.StoredToken{TokenPlace: place, Token: r.Token})
		}
	}
	return list, nil
}

// replacementRow is a replacement as a row of a statement.
type replacementRow struct {
	ID     int64
	Before string
	After  string
}

// Replace replaces tokens that are still stored.
func (v *Vault) Replace(ctx context.Context, list []configuration.Replacement) (int, error) {
	byKind := make(map[configuration.TokenKind][]replacementRow)
	for _, r := range list {
		byKind[r.Kind] = append(byKind[r.Kind], replacementRow{ID: r.ID, Before: r.Token, After: r.With})
	}
	replaced := int64(0)
	err := v.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		replaced = 0
		for kind := configuration.CurrentToken; kind <= configuration.NewToken; kind++ {
			rows := byKind[kind]
			if len(rows) == 0 {
				continue
			}
			of := columnOf(kind)
			result, err := tx.NewUpdate().With("replaced", tx.NewValues(&rows)).
				TableExpr("? AS t", bun.Ident(of.table)).TableExpr("replaced").
				Set("? = replaced.after", bun.Ident(of.column)).
				Where("t.id = replaced.id").Where("t.? = replaced.before", bun.Ident(of.column)).Exec(ctx)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			replaced += n
		}
		return nil
	})
	return int(replaced), dberror.Translate(err, "replace encrypted values", nil)
}
