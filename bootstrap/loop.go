package bootstrap

import (
	"context"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"
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
	// step reports whether there is more to do at once.
	step func(context.Context) (more bool, err error)
	// failing and working are what the log says.
	failing, working string
}

// runLoops runs loops from the end of the start to the beginning of the stop,
// which waits for them. First, if it is not nil, has to go well before.
func runLoops(lc fx.Lifecycle, log *zap.Logger, first func(context.Context) error, loops ...loop) {
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

func (l loop) run(ctx context.Context, log *zap.Logger) {
	wait := l.every
	timer := time.NewTimer(wait)
	defer timer.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			wait = min(2*wait, max(l.every, l.slowest))
		case <-l.wake:
			wait = l.every
		}
		err := l.drain(ctx)
		timer.Reset(wait)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failed:
			log.Warn(l.failing, zap.Error(err))
		case err == nil && failed:
			log.Info(l.working)
		}
		failed = err != nil
	}
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
