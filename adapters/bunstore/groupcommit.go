package bunstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// maxBatch bounds the writes that share one commit.
const maxBatch = 64

// groupCommit runs concurrent writes in one transaction, and so with one sync of the
// disk. Each runs in a savepoint of its own: one that fails is rolled back alone. No
// write returns before the commit.
type groupCommit struct {
	db    *bun.DB
	file  *databaseFile
	queue chan *groupWrite
	ended chan struct{}

	mu     sync.RWMutex
	closed bool
}

// groupWrite is one caller's write.
type groupWrite struct {
	ctx     context.Context //nolint:containedctx // the caller's, checked before its write begins
	work    func(context.Context, bun.Tx) error
	outcome error
	done    chan struct{}
}

func newGroupCommit(db *bun.DB, file *databaseFile) *groupCommit {
	g := &groupCommit{db: db, file: file, queue: make(chan *groupWrite, maxBatch), ended: make(chan struct{})}
	go g.run()
	return g
}

// do runs work in a transaction and returns after its commit. If ctx ends before the
// write begins, do returns ctx's error and nothing is written; afterwards the write is
// not cancelled, because an interrupt of SQLite rolls back the complete batch.
func (g *groupCommit) do(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	w := &groupWrite{ctx: ctx, work: work, done: make(chan struct{})}
	if err := g.enqueue(w); err != nil {
		return err
	}
	<-w.done
	return w.outcome
}

func (g *groupCommit) enqueue(w *groupWrite) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return fault.ErrUnavailable
	}
	select {
	case g.queue <- w:
		return nil
	case <-w.ctx.Done():
		return fmt.Errorf("wait to write: %w", context.Cause(w.ctx))
	}
}

// close finishes the queued writes.
func (g *groupCommit) close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.queue)
	}
	g.mu.Unlock()
	<-g.ended
}

func (g *groupCommit) run() {
	defer close(g.ended)
	for first := range g.queue {
		batch := g.collect(first)
		g.commit(context.Background(), batch)
		for _, w := range batch {
			close(w.done)
		}
	}
}

// collect returns the queued writes, without waiting for more.
func (g *groupCommit) collect(first *groupWrite) []*groupWrite {
	batch := []*groupWrite{first}
	for len(batch) < maxBatch {
		select {
		case w, open := <-g.queue:
			if !open {
				return batch
			}
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

// commit runs the batch in one transaction and sets each write's outcome. The file is
// checked before and after, so that no write to a deleted file is acknowledged.
func (g *groupCommit) commit(ctx context.Context, batch []*groupWrite) {
	if err := g.file.check(); err != nil {
		failAll(batch, err)
		return
	}
	tx, err := g.db.BeginTx(ctx, nil)
	if err != nil {
		failAll(batch, err)
		return
	}
	for _, w := range batch {
		//nolint:contextcheck // the caller's ctx says whether it still waits; the work runs under the batch's
		if w.outcome = context.Cause(w.ctx); w.outcome != nil {
			continue
		}
		if w.outcome = inSavepoint(ctx, tx, w.work); errors.Is(w.outcome, errBatch) {
			// SQLite has rolled back the transaction, and further work would be outside of one.
			failAll(batch, errors.Join(w.outcome, tx.Rollback()))
			return
		}
	}
	failpoint.Hit("before-commit")
	if err := errors.Join(tx.Commit(), g.file.check()); err != nil {
		failAll(batch, err)
	}
	failpoint.Hit("after-commit")
}

// errBatch marks a failure of the complete batch.
var errBatch = errors.New("the shared transaction was lost")

// failAll sets the outcome of the writes that have not failed themselves.
func failAll(batch []*groupWrite, err error) {
	for _, w := range batch {
		if w.outcome == nil {
			w.outcome = fmt.Errorf("commit: %w", err)
		}
	}
}

func inSavepoint(ctx context.Context, tx bun.Tx, work func(context.Context, bun.Tx) error) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	err := work(ctx, tx)
	if err != nil {
		if _, rollbackErr := tx.ExecContext(ctx, "ROLLBACK TO one"); rollbackErr != nil {
			return fmt.Errorf("%w (%w: roll back: %w)", err, errBatch, rollbackErr)
		}
	}
	if _, releaseErr := tx.ExecContext(ctx, "RELEASE one"); releaseErr != nil {
		return errors.Join(err, fmt.Errorf("%w: release: %w", errBatch, releaseErr))
	}
	return err
}
