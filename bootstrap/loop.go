package bootstrap

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/ports"
)

// loop repeats the step of some work until the stop. It says once when a step
// fails, and once when it goes well again.
type loop struct {
	every time.Duration
	// slowest is how long it waits at most: the wait grows from every while there is
	// nothing to do. Zero is every, always.
	slowest time.Duration
	// wake begins a step before its time; nil for never.
	wake <-chan struct{}
	// eager makes the next step at once where there is more to do; others rest for as
	// long as the last one took, and so leave half of a processor to others.
	eager bool
	// timeout bounds one step.
	timeout time.Duration
	// settled is after how long a step that does not return counts as one that goes
	// well; zero is never, for steps that are short.
	settled time.Duration
	// step reports whether there is more to do at once.
	step func(context.Context) (more bool, err error)
	// failing and working are what the log says.
	failing, working string
}

// loopLog is where loops say how they are: the log, and /health.
type loopLog struct {
	*zap.Logger

	mu sync.Mutex
	// failing are what the loops say whose last step failed.
	failing map[string]bool
}

func newLoopLog(log *zap.Logger) *loopLog { return &loopLog{Logger: log, failing: map[string]bool{}} }

// note says how the last step of a loop went, if that is news.
func (l *loopLog) note(of loop, err error) {
	if of.failing == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch failed := l.failing[of.failing]; {
	case err != nil && !failed:
		l.Warn(of.failing, zap.Error(err))
		l.failing[of.failing] = true
	case err == nil && failed:
		l.Info(of.working)
		delete(l.failing, of.failing)
	}
}

// Conditions returns "background_work_failing" for each loop whose last step failed.
func (l *loopLog) Conditions() []ports.Condition {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []ports.Condition
	for _, message := range slices.Sorted(maps.Keys(l.failing)) {
		list = append(list, ports.Condition{
			Name: "background_work_failing", Message: message + "; see the log for the cause",
		})
	}
	return list
}

// runLoops runs loops from the end of the start to the beginning of the stop,
// which waits for them. First, if it is not nil, has to go well before.
func runLoops(lc fx.Lifecycle, log *loopLog, first func(context.Context) error, loops ...loop) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{}, len(loops))
	lc.Append(fx.StartStopHook(
		func(startCtx context.Context) error {
			if first != nil {
				if err := first(startCtx); err != nil {
					return err
				}
			}
			for _, l := range loops {
				go func() {
					defer func() { ended <- struct{}{} }()
					l.run(ctx, log)
				}()
			}
			return nil
		},
		func() {
			stop()
			for range loops {
				<-ended
			}
		},
	))
}

func (l loop) run(ctx context.Context, log *loopLog) {
	wait := l.every
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			wait = min(2*wait, max(l.every, l.slowest))
		case <-l.wake:
			wait = l.every
		}
		err := l.watched(ctx, log)
		timer.Reset(wait)
		if ctx.Err() != nil {
			return
		}
		log.note(l, err)
	}
}

// watched is drain, which counts as going well while it runs for longer than settled.
func (l loop) watched(ctx context.Context, log *loopLog) error {
	if l.settled > 0 {
		defer time.AfterFunc(l.settled, func() { log.note(l, nil) }).Stop()
	}
	return l.drain(ctx)
}

// drain makes steps until there is nothing more to do at once.
func (l loop) drain(ctx context.Context) error {
	for {
		began := time.Now()
		stepCtx, cancel := context.WithTimeout(ctx, l.timeout)
		more, err := l.step(stepCtx)
		cancel()
		if err != nil || !more {
			return err
		}
		if l.eager {
			continue
		}
		rest := time.NewTimer(time.Since(began))
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return nil
		}
	}
}

// once is a step of which there is never more to do.
func once(step func(context.Context) error) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) { return false, step(ctx) }
}
