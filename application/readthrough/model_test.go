package readthrough_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// world is a store, its feed, two replicas and what they share, of which somebody may
// make anything that was ever in it.
type world struct {
	t        *rapid.T
	outer    *testing.T
	versions map[string]int64
	feed     []ports.Kept[string]
	shared   *fixture.Shared[string, int64]
	dumps    []dump
	replicas []*follower
}

type dump struct {
	at   string
	kept ports.Kept[int64]
}

// follower is a replica, and what it owes.
type follower struct {
	*replica
	// owed is what it may not answer less than.
	owed map[string]int64
	// asking are the places whose load is for whoever asks now.
	asking map[string]bool
}

func (w *world) draw(label string, most int) int { return rapid.IntRange(0, most).Draw(w.t, label) }

func (w *world) place() string { return rapid.SampledFrom([]string{"a", "b"}).Draw(w.t, "place") }

func (w *world) anyone() *follower { return w.replicas[w.draw("replica", len(w.replicas)-1)] }

// commit makes a version, of which nobody was told.
func (w *world) commit(at string) int64 {
	w.versions[at]++
	w.feed = append(w.feed, ports.Kept[string]{Value: at, Version: w.versions[at]})
	return w.versions[at]
}

func (w *world) write(f *follower, at string) {
	version := w.commit(at)
	f.Saved(at, version, version)
	delete(f.asking, at)
	f.owed[at] = version
}

// lose writes with an outcome that nobody knows.
func (w *world) lose(f *follower, at string) {
	if w.draw("committed", 1) == 1 {
		w.commit(at)
	}
	f.Invalidate(context.Background(), at)
	delete(f.asking, at)
}

// follow tells a replica of what comes next; at the end its tail is confirmed.
func (w *world) follow(f *follower) {
	from := f.tail.Position().Revision
	w.followTo(f, from+int64(w.draw("changes", len(w.feed)-int(from))))
}

func (w *world) followTo(f *follower, to int64) {
	for revision := f.tail.Position().Revision + 1; revision <= to; revision++ {
		c := w.feed[revision-1]
		f.Changed(c.Value, c.Version, revision, "")
		delete(f.asking, c.Value)
		f.owed[c.Value] = max(f.owed[c.Value], c.Version)
	}
	f.tail.Move(to)
	if to == int64(len(w.feed)) {
		f.tail.Grow(-f.tail.Age())
	}
}

// read reads, and while the store is asked other things happen.
func (w *world) read(f *follower, at string, depth int) {
	if f.asking[at] {
		return
	}
	owed := f.owed[at]
	answered, found := make(chan int64), make(chan int64, 1)
	go func() {
		version, _ := f.answer(w.outer.Context(), at, func(context.Context) (int64, int64, error) {
			f.asking[at] = true
			found := <-found
			return found, found, nil
		})
		answered <- version
	}()
	synctest.Wait()
	if f.asking[at] {
		before := w.versions[at]
		for range w.draw("meanwhile", 2) {
			w.step(depth + 1)
		}
		found <- before
	}
	got := <-answered
	delete(f.asking, at)
	require.GreaterOrEqual(w.t, got, owed, "%s goes back", at)
	require.LessOrEqual(w.t, got, w.versions[at])
	f.owed[at] = max(f.owed[at], got)
	if kept, held := w.shared.Get(context.Background(), at); held {
		w.dumps = append(w.dumps, dump{at: at, kept: kept})
	}
}

// pass lets a lifetime pass, after which a replica may be at the feed's end.
func (w *world) pass() {
	for _, f := range w.replicas {
		f.watch.Move(lifetime)
		f.tail.Grow(lifetime)
		if w.draw("to the end", 3) > 0 {
			w.followTo(f, int64(len(w.feed)))
			f.Changed("other", 1, f.tail.Position().Revision, "")
		}
	}
}

// renew begins anew at the feed's end.
func (w *world) renew(f *follower) {
	clear(f.asking)
	f.watch.Move(1)
	f.Clear()
	f.tail.Move(int64(len(w.feed)))
	f.tail.Grow(1 - f.tail.Age())
}

func (w *world) step(depth int) {
	const deepest = 2
	f, at := w.anyone(), w.place()
	switch w.draw("step", 14) {
	case 0, 1:
		w.write(f, at)
	case 2, 3:
		w.follow(f)
	case 4:
		f.local.Drop(at)
	case 5:
		w.shared.Flush()
	case 6:
		if len(w.dumps) > 0 {
			d := w.dumps[w.draw("dump", len(w.dumps)-1)]
			w.shared.Hold(d.at, d.kept)
		}
	case 7:
		w.pass()
	case 8:
		w.renew(f)
	case 9:
		w.lose(f, at)
	default:
		if depth <= deepest {
			w.read(f, at, depth)
		}
	}
}

// untimed hides the deadline, which cannot be asked for inside a bubble.
type untimed struct{ rapid.TB }

// TestModel holds that no replica ever answers less than it was told of, has written
// or has answered before, whatever is in what replicas share, and whatever happens
// while the store is asked.
func TestModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(outer *testing.T) {
		rapid.Check(untimed{outer}, func(t *rapid.T) {
			shared := fixture.NewShared[string, int64]()
			w := &world{t: t, outer: outer, versions: map[string]int64{}, shared: shared}
			for range 2 {
				w.replicas = append(w.replicas, &follower{replica: newReplica(shared), owed: map[string]int64{}, asking: map[string]bool{}})
			}
			for range 60 {
				w.step(0)
				synctest.Wait()
			}
		})
	})
}
