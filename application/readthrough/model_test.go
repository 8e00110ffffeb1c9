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

// world is a store, its feed, two replicas and their shared cache, which may return
// anything that was ever in it.
type world struct {
	t        *rapid.T
	outer    *testing.T
	versions map[string]int64
	feed     []ports.SharedValue[string]
	shared   *fixture.SharedCache[string, int64]
	former   []formerValue
	replicas []*modelReplica
}

type formerValue struct {
	key   string
	value ports.SharedValue[int64]
}

// modelReplica is a replica, and what it may answer.
type modelReplica struct {
	*replica
	// least is the lowest version that it may answer.
	least map[string]int64
	// loading are the keys with an in-flight load that new callers join.
	loading map[string]bool
}

func (w *world) draw(label string, most int) int { return rapid.IntRange(0, most).Draw(w.t, label) }

func (w *world) key() string { return rapid.SampledFrom([]string{"a", "b"}).Draw(w.t, "key") }

func (w *world) anyReplica() *modelReplica { return w.replicas[w.draw("replica", len(w.replicas)-1)] }

// commit makes a version that no replica has heard of.
func (w *world) commit(key string) int64 {
	w.versions[key]++
	w.feed = append(w.feed, ports.SharedValue[string]{Value: key, Version: w.versions[key]})
	return w.versions[key]
}

func (w *world) write(f *modelReplica, key string) {
	version := w.commit(key)
	f.Saved(key, version, version)
	delete(f.loading, key)
	f.least[key] = version
}

// lose writes with an unknown outcome.
func (w *world) lose(f *modelReplica, key string) {
	if w.draw("committed", 1) == 1 {
		w.commit(key)
	}
	f.Invalidate(context.Background(), key)
	delete(f.loading, key)
}

// follow delivers the next changes to a replica; at the feed's end it is fresh.
func (w *world) follow(f *modelReplica) {
	from := f.tail.Position().Revision
	w.followTo(f, from+int64(w.draw("changes", len(w.feed)-int(from))))
}

func (w *world) followTo(f *modelReplica, to int64) {
	for revision := f.tail.Position().Revision + 1; revision <= to; revision++ {
		c := w.feed[revision-1]
		f.Changed(c.Value, c.Version, revision, "")
		delete(f.loading, c.Value)
		f.least[c.Value] = max(f.least[c.Value], c.Version)
	}
	f.tail.Move(to)
	if to == int64(len(w.feed)) {
		f.tail.Grow(-f.tail.Age())
	}
}

// read reads, and makes other steps while the store is queried.
func (w *world) read(f *modelReplica, key string, depth int) {
	if f.loading[key] {
		return
	}
	least := f.least[key]
	answered, found := make(chan int64), make(chan int64, 1)
	go func() {
		version, _ := f.answer(w.outer.Context(), key, func(context.Context) (int64, int64, error) {
			f.loading[key] = true
			found := <-found
			return found, found, nil
		})
		answered <- version
	}()
	synctest.Wait()
	if f.loading[key] {
		before := w.versions[key]
		for range w.draw("meanwhile", 2) {
			w.step(depth + 1)
		}
		found <- before
	}
	got := <-answered
	delete(f.loading, key)
	require.GreaterOrEqual(w.t, got, least, "%s goes back", key)
	require.LessOrEqual(w.t, got, w.versions[key])
	f.least[key] = max(f.least[key], got)
	if value, cached := w.shared.Get(context.Background(), key); cached {
		w.former = append(w.former, formerValue{key: key, value: value})
	}
}

// pass lets a lifetime pass, after which a replica may reach the feed's end.
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

// clear discards the cache of a replica at the feed's end.
func (w *world) clear(f *modelReplica) {
	clear(f.loading)
	f.watch.Move(1)
	f.Clear()
	f.tail.Move(int64(len(w.feed)))
	f.tail.Grow(1 - f.tail.Age())
}

func (w *world) step(depth int) {
	const deepest = 2
	f, key := w.anyReplica(), w.key()
	switch w.draw("step", 14) {
	case 0, 1:
		w.write(f, key)
	case 2, 3:
		w.follow(f)
	case 4:
		f.local.Invalidate(key)
	case 5:
		w.shared.Flush()
	case 6:
		if len(w.former) > 0 {
			f := w.former[w.draw("former", len(w.former)-1)]
			w.shared.Force(f.key, f.value)
		}
	case 7:
		w.pass()
	case 8:
		w.clear(f)
	case 9:
		w.lose(f, key)
	default:
		if depth <= deepest {
			w.read(f, key, depth)
		}
	}
}

// untimed hides the deadline, which is not available inside a bubble.
type untimed struct{ rapid.TB }

// TestModel checks that no replica answers an older version than it has heard of, saved
// or answered before, whatever the shared cache returns, and whatever happens during a
// query.
func TestModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(outer *testing.T) {
		rapid.Check(untimed{outer}, func(t *rapid.T) {
			shared := fixture.NewSharedCache[string, int64]()
			w := &world{t: t, outer: outer, versions: map[string]int64{}, shared: shared}
			for range 2 {
				w.replicas = append(w.replicas, &modelReplica{replica: newReplica(shared), least: map[string]int64{}, loading: map[string]bool{}})
			}
			for range 60 {
				w.step(0)
				synctest.Wait()
			}
		})
	})
}
