package loop_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-hq/signalbox/bootstrap/loop"
	"github.com/signalbox-hq/signalbox/ports"
)

// most is the largest part of a wait that remains after its jitter, least the smallest.
const (
	most  = time.Second
	least = 900 * time.Millisecond
)

// recorder records when steps began, and returns an error from each.
type recorder struct {
	mu    sync.Mutex
	began []time.Time
	err   error
}

func (r *recorder) step(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began = append(r.began, time.Now())
	return r.err
}

// set sets the error of further steps, and discards what was recorded.
func (r *recorder) set(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.err = nil, err
}

// steps returns how many steps began.
func (r *recorder) steps() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.began)
}

// waits returns the times between steps, the first one since start.
func (r *recorder) waits(start time.Time) []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []time.Duration
	for _, at := range r.began {
		list = append(list, at.Sub(start))
		start = at
	}
	return list
}

// run runs a loop until the test ends.
func run(t *testing.T, l loop.Loop) (*loop.Reporter, *observer.ObservedLogs) {
	t.Helper()
	core, logged := observer.New(zap.InfoLevel)
	reporter := loop.NewReporter(zap.New(core))
	group := loop.NewGroup(reporter, l)
	group.Start()
	t.Cleanup(group.Stop)
	return reporter, logged
}

// pass lets time pass, and returns when all loops wait again.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func messages(logged *observer.ObservedLogs) []string {
	var list []string
	for _, entry := range logged.All() {
		list = append(list, entry.Message)
	}
	return list
}

// inBubble runs a behaviour with a clock of its own.
func inBubble(t *testing.T, name string, behaviour func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, behaviour)
	})
}

func TestWaitBetweenSteps(t *testing.T) {
	t.Parallel()

	inBubble(t, "each wait is the interval less a jitter of up to a tenth", func(t *testing.T) {
		start, r := time.Now(), &recorder{}
		run(t, loop.Loop{Every: time.Second, Timeout: time.Second, Step: loop.Once(r.step)})
		pass(100 * time.Second)
		waits := r.waits(start)
		require.Greater(t, len(waits), 90)
		for _, w := range waits {
			assert.LessOrEqual(t, w, most)
			assert.GreaterOrEqual(t, w, least)
		}
		assert.NotEqual(t, waits[0], waits[1])
	})

	inBubble(t, "the wait doubles up to its bound while nothing wakes the loop", func(t *testing.T) {
		start, r := time.Now(), &recorder{}
		wake := loop.NewSignal()
		run(t, loop.Loop{
			Every: time.Second, MaxWait: 5 * time.Second, Wake: wake, Timeout: time.Second, Step: loop.Once(r.step),
		})
		pass(20 * time.Second)
		for i, want := range []int{1, 2, 4, 5, 5} {
			assert.InDelta(t, want, r.waits(start)[i].Seconds(), float64(want)/10)
		}
		r.set(nil)
		start = time.Now()
		wake.Notify()
		pass(2 * time.Second)
		require.Equal(t, 2, r.steps())
		assert.Zero(t, r.waits(start)[0], "a signal runs the step at once")
		assert.LessOrEqual(t, r.waits(start)[1], most, "and resets the wait")
	})

	inBubble(t, "signals during a step are coalesced into one further step", func(t *testing.T) {
		wake, steps := loop.NewSignal(), 0
		run(t, loop.Loop{
			Every: time.Hour, Timeout: time.Minute, Wake: wake,
			Step: loop.Once(func(context.Context) error {
				steps++
				<-time.After(time.Second)
				return nil
			}),
		})
		wake.Notify()
		synctest.Wait()
		for range 3 {
			wake.Notify()
		}
		pass(5 * time.Second)
		assert.Equal(t, 2, steps)
	})

	inBubble(t, "an immediate loop runs its first step without a wait", func(t *testing.T) {
		start, r := time.Now(), &recorder{}
		run(t, loop.Loop{Every: time.Second, Immediate: true, Timeout: time.Second, Step: loop.Once(r.step)})
		pass(1500 * time.Millisecond)
		waits := r.waits(start)
		require.Len(t, waits, 2)
		assert.Zero(t, waits[0])
		assert.GreaterOrEqual(t, waits[1], least)
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	// batches returns a step that takes a second and has more to do n times.
	batches := func(n int) (loop.Step, *recorder) {
		r := &recorder{}
		return func(ctx context.Context) (bool, error) {
			_ = r.step(ctx)
			<-time.After(time.Second)
			return r.steps() <= n, nil
		}, r
	}

	inBubble(t, "an eager loop runs the next step at once while there is more to do", func(t *testing.T) {
		start := time.Now()
		step, r := batches(2)
		run(t, loop.Loop{Every: time.Hour, Immediate: true, Eager: true, Timeout: time.Minute, Step: step})
		pass(time.Minute)
		assert.Equal(t, []time.Duration{0, time.Second, time.Second}, r.waits(start))
	})

	inBubble(t, "another loop pauses for as long as the last step took", func(t *testing.T) {
		start := time.Now()
		step, r := batches(2)
		run(t, loop.Loop{Every: time.Hour, Immediate: true, Timeout: time.Minute, Step: step})
		pass(time.Minute)
		assert.Equal(t, []time.Duration{0, 2 * time.Second, 2 * time.Second}, r.waits(start))
	})
}

func TestStop(t *testing.T) {
	t.Parallel()

	inBubble(t, "no step runs before the start", func(t *testing.T) {
		r := &recorder{}
		loop.NewGroup(loop.NewReporter(zap.NewNop()),
			loop.Loop{Every: time.Second, Timeout: time.Second, Step: loop.Once(r.step)}).Stop()
		pass(time.Minute)
		assert.Zero(t, r.steps())
	})

	inBubble(t, "the stop cancels the running step, waits for it, and records no failure", func(t *testing.T) {
		core, logged := observer.New(zap.InfoLevel)
		reporter := loop.NewReporter(zap.New(core))
		ended := false
		group := loop.NewGroup(reporter, loop.Loop{
			Every: time.Second, Immediate: true, Timeout: time.Hour, Failing: "step failed",
			Step: loop.Once(func(ctx context.Context) error {
				<-ctx.Done()
				<-time.After(time.Second)
				ended = true
				return ctx.Err()
			}),
		})
		group.Start()
		pass(time.Minute)
		group.Stop()
		assert.True(t, ended)
		assert.Empty(t, logged.All())
		assert.Empty(t, reporter.Conditions())
	})

	inBubble(t, "the stop ends a pause between two steps", func(t *testing.T) {
		steps := 0
		group := loop.NewGroup(loop.NewReporter(zap.NewNop()), loop.Loop{
			Every: time.Second, Immediate: true, Timeout: time.Hour,
			Step: func(context.Context) (bool, error) {
				steps++
				<-time.After(time.Minute)
				return true, nil
			},
		})
		group.Start()
		pass(time.Minute + time.Second)
		group.Stop()
		assert.Equal(t, 1, steps)
	})
}

func TestFailedStepsAreRetried(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")

	inBubble(t, "a step that fails is retried; each change is logged once and shown as a condition", func(t *testing.T) {
		r := &recorder{err: errBroken}
		reporter, logged := run(t, loop.Loop{
			Every: time.Second, Timeout: time.Second, Step: loop.Once(r.step),
			Failing: "step failed", Recovered: "step recovered",
		})
		pass(10 * time.Second)
		assert.Greater(t, r.steps(), 8)
		assert.Equal(t, []string{"step failed"}, messages(logged))
		assert.Equal(t, "broken", logged.All()[0].ContextMap()["error"])
		assert.Equal(t, []ports.Condition{
			{Name: "background_work_failing", Message: "step failed; see the log for the cause"},
		}, reporter.Conditions())
		r.set(nil)
		pass(10 * time.Second)
		assert.Equal(t, []string{"step failed", "step recovered"}, messages(logged))
		assert.Empty(t, reporter.Conditions())
	})

	inBubble(t, "a step that panics is logged with its stack and retried", func(t *testing.T) {
		steps := 0
		reporter, logged := run(t, loop.Loop{
			Every: time.Second, Timeout: time.Second, Failing: "step failed", Recovered: "step recovered",
			Step: loop.Once(func(context.Context) error {
				if steps++; steps <= 2 {
					panic("an index out of range")
				}
				return nil
			}),
		})
		pass(1500 * time.Millisecond)
		require.Equal(t, []string{"step failed"}, messages(logged))
		assert.Equal(t, "panic: an index out of range", logged.All()[0].ContextMap()["error"])
		assert.Contains(t, logged.All()[0].ContextMap()["stack"], "loop_test.go")
		assert.Len(t, reporter.Conditions(), 1)
		pass(3 * time.Second)
		assert.Equal(t, []string{"step failed", "step recovered"}, messages(logged))
		assert.Empty(t, reporter.Conditions())
	})

	inBubble(t, "a step is canceled at its timeout", func(t *testing.T) {
		_, logged := run(t, loop.Loop{
			Every: time.Second, Timeout: 5 * time.Second, Failing: "step failed",
			Step: loop.Once(func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}),
		})
		pass(5 * time.Second)
		assert.Empty(t, logged.All())
		pass(time.Second)
		assert.Equal(t, context.DeadlineExceeded.Error(), logged.All()[0].ContextMap()["error"])
	})

	inBubble(t, "a step that does not return counts as successful once it has settled", func(t *testing.T) {
		steps := 0
		reporter, _ := run(t, loop.Loop{
			Every: time.Second, Timeout: time.Hour, Settled: 2 * time.Second, Failing: "step failed",
			Step: loop.Once(func(ctx context.Context) error {
				if steps++; steps == 1 {
					return errBroken
				}
				<-ctx.Done()
				return nil
			}),
		})
		pass(2 * time.Second)
		assert.Len(t, reporter.Conditions(), 1)
		pass(3 * time.Second)
		assert.Empty(t, reporter.Conditions())
	})

	inBubble(t, "failing loops are sorted and recover independently", func(t *testing.T) {
		one, other := &recorder{err: errBroken}, &recorder{err: errBroken}
		reporter := loop.NewReporter(zap.NewNop())
		group := loop.NewGroup(reporter,
			loop.Loop{Every: time.Second, Timeout: time.Second, Step: loop.Once(one.step), Failing: "one failed"},
			loop.Loop{Every: time.Second, Timeout: time.Second, Step: loop.Once(other.step), Failing: "another failed"})
		group.Start()
		t.Cleanup(group.Stop)
		pass(2 * time.Second)
		assert.Equal(t, []ports.Condition{
			{Name: "background_work_failing", Message: "another failed; see the log for the cause"},
			{Name: "background_work_failing", Message: "one failed; see the log for the cause"},
		}, reporter.Conditions())
		one.set(nil)
		pass(2 * time.Second)
		assert.Len(t, reporter.Conditions(), 1)
	})
}
