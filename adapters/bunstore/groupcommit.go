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

// groupCommit lets concurrent writes share one transaction, and so one wait for
// the disk. Each runs in a savepoint of its own: one that fails is undone alone.
// Nobody is answered before the commit.
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
	ctx     context.Context //nolint:containedctx // the caller's, looked at when its turn comes
	work    func(context.Context, bun.Tx) error
	outcome error
	done    chan struct{}
}

func newGroupCommit(db *bun.DB, file *databaseFile) *groupCommit {
	g := &groupCommit{db: db, file: file, queue: make(chan *groupWrite, maxBatch), ended: make(chan struct{})}
	go g.run()
	return g
}

// do runs work in a transaction and returns after its commit. A caller whose ctx
// ends before its turn gets ctx's error, and nothing is written; from then on it
// runs to its end, because interrupting SQLite would undo the whole batch.
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

// close finishes what is queued.
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

// collect returns what waits, without waiting for more.
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

// commit runs the batch in one transaction and leaves each write its outcome. The
// file is looked at before and after, so that no write is acknowledged that went to
// a file which is not there any more.
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
		//nolint:contextcheck // whether the caller has gone is asked of its ctx; its work runs under the batch's
		if w.outcome = context.Cause(w.ctx); w.outcome != nil {
			continue
		}
		if w.outcome = inSavepoint(ctx, tx, w.work); errors.Is(w.outcome, errBatch) {
			// SQLite has undone the transaction, and further work would be outside of one.
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

// errBatch marks a failure that is not of one write alone: the batch cannot go on.
var errBatch = errors.New("the shared transaction was lost")

// failAll gives those who have no failure of their own the batch's.
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
		if _, undoErr := tx.ExecContext(ctx, "ROLLBACK TO one"); undoErr != nil {
			return fmt.Errorf("%w (%w: undo: %w)", err, errBatch, undoErr)
		}
	}
	if _, releaseErr := tx.ExecContext(ctx, "RELEASE one"); releaseErr != nil {
		return errors.Join(err, fmt.Errorf("%w: release: %w", errBatch, releaseErr))
	}
	return err
}
