package keystore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

type secretRow struct {
	bun.BaseModel `bun:"table:server_secrets,alias:s"`

	Name  string `bun:",pk"`
	Value string
}

const pepperName = "api_key_pepper"

// Pepper returns the server's secret, storing the candidate where there is none.
func (k *Keys) Pepper(ctx context.Context, candidate secret.Text) (secret.Text, error) {
	row := secretRow{Name: pepperName}
	err := k.store.NewSelect().Model(&row).WherePK().Limit(1).Scan(ctx)
	if err == nil {
		return secret.New(row.Value), nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return secret.Text{}, dberror.Translate(err, "load the server's secret", nil)
	}
	err = k.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		mine := secretRow{Name: pepperName, Value: candidate.Reveal()}
		if _, err := tx.NewInsert().Model(&mine).On("CONFLICT (name) DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		return tx.NewSelect().Model(&row).WherePK().Limit(1).Scan(ctx)
	})
	if err != nil {
		return secret.Text{}, dberror.Translate(err, "store the server's secret", nil)
	}
	return secret.New(row.Value), nil
}
