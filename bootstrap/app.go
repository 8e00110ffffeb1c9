package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/bootstrap/settings"
)

// Output is where the program writes to.
type Output struct {
	// Out gets what an operator has to see, such as the first admin key.
	Out io.Writer
	Log *zap.Logger
}

// App is the service, wired and ready to be started once.
type App struct {
	fx       *fx.App
	listener net.Listener
	// listening is the listener's port; 0 before there is one.
	listening atomic.Uint32
	// listen is called when everything else has started: requests are taken only
	// by a start that can no longer be given up.
	listen func(context.Context) error
	failed chan error
	// ballast is held for as long as the service.
	ballast []byte
}

// New wires the service of its own modules and those that are added. Nothing is opened
// before Start.
func New(s settings.Settings, version Version, out Output, added ...Module) *App {
	app := &App{failed: make(chan error, 1), ballast: newBallast()}
	app.fx = fx.New(
		fx.NopLogger,
		fx.Supply(s, version, out, out.Log, app),
		systemModule(), storeModule(), accessModule(), feedModule(), wired(append(modules(), added...)), httpModule(),
	)
	return app
}

// Version is the version of the binary, as git describes it.
type Version string

// Start opens the stores, brings the database up to date, and listens. When it
// returns nil, /readyz answers 200.
func (a *App) Start(ctx context.Context) error {
	if err := a.fx.Start(ctx); err != nil {
		return fmt.Errorf("start: %w", dig.RootCause(err))
	}
	if err := a.listen(ctx); err != nil {
		return errors.Join(fmt.Errorf("start: %w", err), a.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

// Stop refuses new requests, finishes the running ones until ctx ends, and
// closes what was opened.
func (a *App) Stop(ctx context.Context) error {
	if err := a.fx.Stop(ctx); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// Addr returns the address that a started service listens on.
func (a *App) Addr() string { return a.listener.Addr().String() }

// port returns the port that the service listens on, 0 while there is none.
func (a *App) port() uint16 { return uint16(a.listening.Load()) } //nolint:gosec // a port is stored

// listens takes over the listener that requests come from.
func (a *App) listens(on net.Listener) {
	a.listener = on
	if address, err := netip.ParseAddrPort(on.Addr().String()); err == nil {
		a.listening.Store(uint32(address.Port()))
	}
}

// Failed delivers an error when the started service cannot go on.
func (a *App) Failed() <-chan error { return a.failed }
