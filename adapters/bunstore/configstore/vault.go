package configstore

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// Vault reads and replaces the stored tokens of encrypted values.
type Vault struct{ store *bunstore.Store }

var _ configuration.Vault = (*Vault)(nil)

// NewVault returns the tokens of a store.
func NewVault(s *bunstore.Store) *Vault { return &Vault{store: s} }

// tokenColumn is where tokens of a kind are.
type tokenColumn struct {
	// table is the alias t, with the identities of configurations as the alias i.
	table, from       string
	column, encrypted string
	key, mac          string
	// before is how much the version of a token is below that of its row.
	before int64
}

const historyFrom = "configuration_history AS t JOIN configuration_ids AS i ON i.id = t.configuration_id"

func columnOf(kind configuration.TokenKind) tokenColumn {
	states := func(table string) tokenColumn {
		return tokenColumn{
			table: table, from: table + " AS t JOIN " + table + " AS i ON i.id = t.id",
			column: "value", encrypted: "is_encrypted", key: "token_key", mac: "token_mac",
		}
	}
	switch kind {
	case configuration.CurrentToken:
		return states("configurations")
	case configuration.DeletedToken:
		return states("deleted_configurations")
	case configuration.OldToken:
		return tokenColumn{
			table: "configuration_history", from: historyFrom, before: 1,
			column: "old_value", encrypted: "old_encrypted", key: "old_token_key", mac: "old_token_mac",
		}
	case configuration.NewToken:
		return tokenColumn{
			table: "configuration_history", from: historyFrom,
			column: "new_value", encrypted: "new_encrypted", key: "new_token_key", mac: "new_token_mac",
		}
	}
	return tokenColumn{}
}

// tokenRow is a token with its row and its owner.
type tokenRow struct {
	ID          int64
	Token       string
	Fingerprint *string
	Mac         *string
	Environment string
	ServiceName string
	Key         string
	Version     int64
}

func (r tokenRow) stored(kind configuration.TokenKind) configuration.StoredToken {
	identity := configuration.Identity{
		Environment: scope.RehydrateEnvironment(r.Environment), Service: scope.RehydrateServiceName(r.ServiceName),
		Key: configuration.RehydrateKey(r.Key),
	}
	return configuration.StoredToken{
		TokenPlace: configuration.TokenPlace{Kind: kind, ID: r.ID}, Token: r.Token,
		Seal:  configuration.Seal{Key: column.Text(r.Fingerprint), MAC: column.Text(r.Mac)},
		Owner: configuration.Owner{Identity: identity, Version: configuration.Version(r.Version)},
	}
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
		q := v.store.NewSelect().TableExpr(of.from).
			ColumnExpr("t.id, t.? AS token, t.? AS fingerprint, t.? AS mac",
				bun.Ident(of.column), bun.Ident(of.key), bun.Ident(of.mac)).
			ColumnExpr("i.environment, i.service_name, i.key, t.version - ? AS version", of.before).
			Where("t.? = ?", bun.Ident(of.encrypted), true).Where("t.? IS NOT NULL", bun.Ident(of.column)).
			Where("t.id > ?", after.ID).OrderExpr("t.id")
		if err := bunstore.ScanSelect(ctx, q, limit-len(list), &rows); err != nil {
			return nil, dberror.Translate(err, "load encrypted values", nil)
		}
		for _, r := range rows {
			list = append(list, r.stored(kind))
		}
	}
	return list, nil
}

// replacementRow is a replacement as a row of a statement.
type replacementRow struct {
	ID      int64
	Version int64
	Before  string
	After   string
	Sealed  string
	Mac     string
}

// Replace replaces tokens that are still stored.
func (v *Vault) Replace(ctx context.Context, list []configuration.Replacement) (int, error) {
	byKind := make(map[configuration.TokenKind][]replacementRow)
	for _, r := range list {
		byKind[r.Kind] = append(byKind[r.Kind], replacementRow{
			ID: r.ID, Version: int64(r.Owner.Version) + columnOf(r.Kind).before, Before: r.Token,
			After: r.With, Sealed: r.Under.Key, Mac: r.Under.MAC,
		})
	}
	replaced := int64(0)
	err := v.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		replaced = 0
		for kind := configuration.CurrentToken; kind <= configuration.NewToken; kind++ {
			if len(byKind[kind]) == 0 {
				continue
			}
			n, err := replaceAll(ctx, tx, columnOf(kind), byKind[kind])
			if err != nil {
				return err
			}
			replaced += n
			failpoint.Hit(replacedPlace(kind))
		}
		return nil
	})
	return int(replaced), dberror.Translate(err, "replace encrypted values", nil)
}

// replacedPlace names the place in a transaction where the tokens of a kind are replaced.
func replacedPlace(kind configuration.TokenKind) string {
	return [...]string{"", "replaced-current", "replaced-deleted", "replaced-old", "replaced-new"}[kind]
}

func replaceAll(ctx context.Context, tx bun.Tx, of tokenColumn, rows []replacementRow) (int64, error) {
	result, err := tx.NewUpdate().With("replaced", tx.NewValues(&rows)).
		TableExpr("? AS t", bun.Ident(of.table)).TableExpr("replaced").
		Set("? = replaced.after", bun.Ident(of.column)).
		Set("? = replaced.sealed", bun.Ident(of.key)).Set("? = replaced.mac", bun.Ident(of.mac)).
		Where("t.id = replaced.id").Where("t.version = replaced.version").
		Where("t.? = replaced.before", bun.Ident(of.column)).Exec(ctx)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// useRow is a configuration.KeyUse.
type useRow struct {
	Fingerprint string
	Tokens      int64
	Unbound     int64
}

// maxKeys bounds the keys that Uses returns.
const maxKeys = 1000

// Uses counts stored tokens by their recorded key.
func (v *Vault) Uses(ctx context.Context) ([]configuration.KeyUse, error) {
	parts := make([]string, 0, configuration.NewToken)
	for kind := configuration.CurrentToken; kind <= configuration.NewToken; kind++ {
		of := columnOf(kind)
		parts = append(parts, "SELECT "+of.key+" AS fingerprint, "+of.mac+" AS mac FROM "+of.table+
			" WHERE "+of.encrypted+" AND "+of.column+" IS NOT NULL")
	}
	var rows []useRow
	q := v.store.NewSelect().TableExpr("(?) AS tokens", bun.Safe(strings.Join(parts, " UNION ALL "))).
		ColumnExpr("COALESCE(fingerprint, '') AS fingerprint, count(*) AS tokens").
		ColumnExpr("SUM(CASE WHEN mac IS NULL THEN 1 ELSE 0 END) AS unbound").
		GroupExpr("1").OrderExpr("1")
	if err := bunstore.ScanSelect(ctx, q, maxKeys, &rows); err != nil {
		return nil, dberror.Translate(err, "count encrypted values", nil)
	}
	list := make([]configuration.KeyUse, len(rows))
	for i, r := range rows {
		list[i] = configuration.KeyUse{Key: r.Fingerprint, Tokens: r.Tokens, Unbound: r.Unbound}
	}
	return list, nil
}

// Enforced reports whether a token without a MAC is to be rejected.
func (v *Vault) Enforced(ctx context.Context) (bool, error) {
	var enforced []bool
	q := v.store.NewSelect().Table("token_binding").Column("enforced").Where("id = 1")
	err := bunstore.ScanSelect(ctx, q, 1, &enforced)
	return len(enforced) > 0 && enforced[0], dberror.Translate(err, "load whether tokens are bound", nil)
}

// Enforce makes tokens without a MAC be rejected.
func (v *Vault) Enforce(ctx context.Context) error {
	err := v.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Table("token_binding").Set("enforced = ?", true).Where("id = 1").Exec(ctx)
		return err
	})
	return dberror.Translate(err, "store that tokens are bound", nil)
}
