package bootstrap //nolint:testpackage // a loop is known to this package alone

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-hq/signalbox/ports"
)

func TestLoopLog(t *testing.T) {
	t.Parallel()
	core, logged := observer.New(zap.InfoLevel)
	log := newLoopLog(zap.New(core))
	one := loop{failing: "one failed", working: "one resumed"}
	other := loop{failing: "another failed", working: "another resumed"}
	broken := errors.New("broken")

	log.note(one, nil)
	assert.Empty(t, log.Conditions())
	log.note(one, broken)
	log.note(one, broken)
	log.note(other, broken)
	log.note(loop{}, broken)
	assert.Equal(t, []ports.Condition{
		{Name: "background_work_failing", Message: "another failed; see the log for the cause"},
		{Name: "background_work_failing", Message: "one failed; see the log for the cause"},
	}, log.Conditions())
	log.note(one, nil)
	log.note(one, nil)
	log.note(other, nil)
	assert.Empty(t, log.Conditions())

	var lines []string
	for _, entry := range logged.All() {
		lines = append(lines, entry.Message)
	}
	assert.Equal(t, []string{"one failed", "another failed", "one resumed", "another resumed"}, lines,
		"each change is logged once")
}

func TestLoopBegins(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	made := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		loop{every: ports.ReplicaTerm, timeout: ports.ReplicaTerm, wake: rung(), step: once(func(context.Context) error {
			close(made)
			return nil
		})}.run(ctx, newLoopLog(zap.NewNop()))
	}()
	<-made // at once, and not after the first wait
	stop()
	<-ended
}

func TestLongStepSettles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		log := newLoopLog(zap.NewNop())
		attempts := 0
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			loop{
				every: time.Second, timeout: time.Hour, settled: 2 * time.Second, failing: "failed", working: "resumed",
				step: once(func(ctx context.Context) error {
					if attempts++; attempts == 1 {
						return errors.New("broken")
					}
					<-ctx.Done()
					return nil
				}),
			}.run(ctx, log)
		}()
		time.Sleep(1500 * time.Millisecond)
		assert.Len(t, log.Conditions(), 1)
		time.Sleep(3 * time.Second)
		assert.Empty(t, log.Conditions(), "the second step runs on")
		stop()
		<-ended
	})
}
