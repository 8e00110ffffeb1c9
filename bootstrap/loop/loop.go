package loop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// Step does one part of some work. It reports whether there is more to do at once.
type Step func(context.Context) (more bool, err error)

// Once is a step that never has more to do.
func Once(step func(context.Context) error) Step {
	return func(ctx context.Context) (bool, error) { return false, step(ctx) }
}

// Loop repeats a step until it is stopped. A step that fails or panics is retried after
// the next wait.
type Loop struct {
	// Every is the wait before a step, less a jitter of up to a tenth.
	Every time.Duration
	// MaxWait bounds the wait, which doubles from Every until the loop is woken. Zero
	// means Every, always.
	MaxWait time.Duration
	// Immediate runs the first step without a wait.
	Immediate bool
	// Wake runs a step before its time and resets the wait to Every; nil means never.
	Wake <-chan struct{}
	// Eager runs the next step at once if there is more to do. Other loops pause for as
	// long as the last step took, and so leave half of a processor to others.
	Eager bool
	// Timeout bounds one step.
	Timeout time.Duration
	// Settled is the time after which a step that has not returned counts as successful.
	// Zero means never, for steps that are short.
	Settled time.Duration
	// Step is the work.
	Step Step
	// Failing and Recovered are logged when steps begin to fail and succeed again.
	Failing, Recovered string
}

// run repeats the step until ctx ends.
func (l Loop) run(ctx context.Context, r *Reporter) {
	wait := l.Every
	if l.Immediate {
		wait = 0
	}
	timer := time.NewTimer(jittered(wait))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			wait = min(max(l.Every, 2*wait), max(l.Every, l.MaxWait))
		case <-l.Wake:
			wait = l.Every
		}
		err := l.supervised(ctx, r)
		timer.Reset(jittered(wait))
		if ctx.Err() != nil {
			return
		}
		r.record(l, err)
	}
}

// supervised drains, which counts as successful once it runs for longer than Settled.
func (l Loop) supervised(ctx context.Context, r *Reporter) error {
	if l.Settled > 0 {
		defer time.AfterFunc(l.Settled, func() { r.record(l, nil) }).Stop()
	}
	return l.drain(ctx)
}

// drain runs steps until there is nothing more to do at once.
func (l Loop) drain(ctx context.Context) error {
	for {
		began := time.Now()
		more, err := l.attempt(ctx)
		if err != nil || !more {
			return err
		}
		if l.Eager {
			continue
		}
		pause := time.NewTimer(time.Since(began))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil
		}
	}
}

// attempt runs one step within its timeout, and returns a panic as an error.
func (l Loop) attempt(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			more, err = false, &panicError{cause: cause, stack: debug.Stack()}
		}
	}()
	return l.Step(ctx)
}

// jittered returns the wait less a random part of up to a tenth, so that loops of
// replicas that started together drift apart.
func jittered(wait time.Duration) time.Duration {
	return wait - rand.N(wait/10+1) //nolint:gosec // spreads load, guards nothing
}

// panicError is a step that panicked.
type panicError struct {
	cause any
	stack []byte
}

// Error names the cause alone; the stack is logged as a field of its own.
func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.cause) }

// fields describes an error for the log.
func fields(err error) []zap.Field {
	list := []zap.Field{zap.Error(err)}
	if p, ok := errors.AsType[*panicError](err); ok {
		list = append(list, zap.ByteString("stack", p.stack))
	}
	return list
}
