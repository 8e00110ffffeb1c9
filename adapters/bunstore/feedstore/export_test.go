package feedstore

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/ports"
)

// ShortenForTest shortens how long a leader may act, and may be idle.
func (l *Leadership) ShortenForTest(term, idle time.Duration) { l.term, l.idle = term, idle }

// PlanForTest returns how PostgreSQL finds the changes of a query.
func (f *Feed) PlanForTest(ctx context.Context, q ports.ChangeQuery) (string, error) {
	query := selectChanges(f.store.NewSelect().Model((*changeRow)(nil)), q).Order("revision").Limit(q.Limit)
	var lines []string
	err := f.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		return tx.NewRaw("EXPLAIN ?", query).Scan(ctx, &lines)
	})
	return strings.Join(lines, "\n"), err
}
