package ginapi

import (
	"context"
	"sync"
	"time"
)

// requestContext is the context of a request: it carries the call, and ends with
// the request or its deadline, whichever is first. The timer is made when somebody
// waits for the end, which most evaluations never do.
type requestContext struct {
	context.Context //nolint:containedctx // this is one
	call            call
	timeout         time.Duration
	// ofrep is what call.ofrep points to, where it does.
	ofrep ofrepCall
	body  requestBody
	// echoed is the request id as a header holds it.
	echoed  [1]string
	waited  sync.Once
	limited context.Context //nolint:containedctx // what is waited for, once there is a timer
	cancel  context.CancelFunc
}

// connectionKey finds the context that ends with the client's connection alone.
type connectionKey struct{}

// sendingContext returns a context for what is read while an answer is being sent: it
// ends with the connection, or when an answer has to have been read.
func sendingContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if connection, ok := ctx.Value(connectionKey{}).(context.Context); ok {
		ctx = connection
	}
	return context.WithTimeout(ctx, WriteTimeout)
}

// Value returns the call, or what the request's own context holds.
func (c *requestContext) Value(key any) any {
	switch key.(type) {
	case callKey:
		return &c.call
	case connectionKey:
		return c.Context
	}
	return c.Context.Value(key)
}

// Done returns a channel that is closed at the end.
func (c *requestContext) Done() <-chan struct{} { return c.limit().Done() }

// Err returns why the context has ended, or nil.
//
//nolint:wrapcheck // callers compare it with context.Canceled
func (c *requestContext) Err() error { return c.limit().Err() }

// Deadline returns when the context ends by itself.
func (c *requestContext) Deadline() (time.Time, bool) { return c.limit().Deadline() }

func (c *requestContext) limit() context.Context {
	c.waited.Do(func() { c.limited, c.cancel = context.WithTimeout(c.Context, c.timeout) })
	return c.limited
}

// end gives the timer back, if there is one, and what the answer held, and lets none be
// made any more: from here on the context has ended, as the given one has.
func (c *requestContext) end(ended context.Context) {
	c.waited.Do(func() { c.limited = ended })
	if c.cancel != nil {
		c.cancel()
	}
	for _, end := range c.call.ends {
		end()
	}
}

// endedContext returns a context that has ended.
func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
