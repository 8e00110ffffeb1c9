package ginapi

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/signalbox-hq/signalbox/domain/flag"
)

const (
	// ShortAnswer is up to how many bytes an answer is not counted.
	shortAnswer = 64 << 10
	// MaxFlagLoads is how many flags of unknown size are loaded at once to be shown.
	maxFlagLoads = 4
	// MaxFlagWrites is how many flags are written at once.
	maxFlagWrites = 8
	// InstanceBytes is what an instance takes beside its metadata.
	instanceBytes = 512
)

// holdAnswer reserves the memory of an answer of so many bytes until the request ends.
// It is ErrResponseMemory where there is none within reservePatience. A short answer
// reserves nothing.
func (a *API) holdAnswer(ctx context.Context, bytes int) error {
	if bytes <= shortAnswer {
		return nil
	}
	r := &reservation{memory: a.responses, limit: a.options.ResponseBytes}
	if err := r.hold(ctx, bytes); err != nil {
		return err
	}
	callOf(ctx).atEnd(r.release)
	return nil
}

// enterFlagLoad admits the load of a flag whose size is not known. The caller leaves
// when the answer's memory is reserved. It is ErrResponseMemory where too many others
// are being loaded for reservePatience.
func (a *API) enterFlagLoad(ctx context.Context) (leave func(), err error) {
	r := &reservation{memory: a.flagLoads, limit: maxFlagLoads}
	return r.release, r.resize(ctx, 1)
}

// writeFlag runs a write that answers with the flag. Once stored, a write is never
// answered with a failure: without memory for a long answer it keeps its place among the
// writes until the answer is sent, so that at most maxFlagWrites such answers exist.
func (a *API) writeFlag(ctx context.Context, write func() (flag.State, error)) (flag.State, error) {
	if err := a.flagWrites.Acquire(ctx, 1); err != nil {
		return flag.State{}, err //nolint:wrapcheck // it is the context's
	}
	leave := func() { a.flagWrites.Release(1) }
	defer func() { leave() }()
	f, err := write()
	if err == nil && a.holdAnswer(ctx, len(f.Definition.JSON())) != nil {
		callOf(ctx).atEnd(leave)
		leave = func() {}
	}
	return f, err
}

// boundAnswers makes the bounds of answers under construction.
func (a *API) boundAnswers() {
	a.responses = semaphore.NewWeighted(a.options.ResponseBytes)
	a.flagLoads, a.flagWrites = semaphore.NewWeighted(maxFlagLoads), semaphore.NewWeighted(maxFlagWrites)
}
