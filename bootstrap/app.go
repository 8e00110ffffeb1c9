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

// Output is what the program writes to.
type Output struct {
	// Out receives what an operator must see, such as the first admin key.
	Out io.Writer
	Log *zap.Logger
}

// App is the service, wired and ready to be started once.
type App struct {
	fx       *fx.App
	listener net.Listener
	// listening is the listener's port, 0 before there is one.
	listening atomic.Uint32
	// listen is called when everything else has started, so that no request arrives during
	// a start that may still fail.
	listen func(context.Context) error
	failed chan error
}

// New wires the service of its own modules and those that are added. Nothing is opened
// before Start.
func New(s settings.Settings, version Version, out Output, added ...Module) *App {
	app := &App{failed: make(chan error, 1)}
	app.fx = fx.New(
		fx.NopLogger,
		fx.Supply(s, version, out, out.Log, app),
		systemModule(), storeModule(), replicaModule(), cacheModule(), accessModule(), feedModule(),
		wired(append(modules(), added...)), httpModule(),
	)
	return app
}

// Version is the version of the binary, as git describes it.
type Version string

// Start opens the stores, migrates the database, and listens. When it returns nil, the
// service is ready.
func (a *App) Start(ctx context.Context) error {
	if err := a.fx.Start(ctx); err != nil {
		return fmt.Errorf("start: %w", dig.RootCause(err))
	}
	if err := a.listen(ctx); err != nil {
		return errors.Join(fmt.Errorf("start: %w", err), a.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

// Stop refuses new requests, finishes in-flight ones until ctx ends, and closes what was
// opened.
func (a *App) Stop(ctx context.Context) error {
	if err := a.fx.Stop(ctx); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// Addr returns the address that a started service listens on.
func (a *App) Addr() string { return a.listener.Addr().String() }

// port returns the port that the service listens on, 0 before it listens.
func (a *App) port() uint16 { return uint16(a.listening.Load()) } //nolint:gosec // it holds a port

// setListener keeps the listener of the server.
func (a *App) setListener(listener net.Listener) {
	a.listener = listener
	if address, err := netip.ParseAddrPort(listener.Addr().String()); err == nil {
		a.listening.Store(uint32(address.Port()))
	}
}

// Failed delivers an error when the running service fails.
func (a *App) Failed() <-chan error { return a.failed }
