package loop

import (
	"context"
	"sync"
)

// Group runs loops between Start and Stop, which are called once each.
type Group struct {
	reporter *Reporter
	loops    []Loop

	stop    context.CancelFunc
	running sync.WaitGroup
}

// NewGroup returns a group that does not run yet.
func NewGroup(reporter *Reporter, loops ...Loop) *Group {
	return &Group{reporter: reporter, loops: loops, stop: func() {}}
}

// Start runs the loops in the background.
func (g *Group) Start() {
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	for _, l := range g.loops {
		g.running.Go(func() { l.run(ctx, g.reporter) })
	}
}

// Stop cancels running steps and waits until all loops have ended.
func (g *Group) Stop() {
	g.stop()
	g.running.Wait()
}
