package bootstrap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/bootstrap/tlsfiles"
)

// Output is what the program writes to.
type Output struct {
	// Out receives what an operator must see: the first admin key.
	Out io.Writer
	// Terminal reports whether a person reads Out. Elsewhere no key is written to it, since
	// it may be collected as a log is.
	Terminal bool
	Log      *zap.Logger
}

// App is the service, wired and ready to be started once.
type App struct {
	settings settings.Settings
	options  fx.Option
	fx       *fx.App
	listener net.Listener
	log      *zap.Logger
	// tls is nil without a certificate.
	tls    *tls.Config
	stores storeTLS
	// listening is the listener's port, 0 before there is one.
	listening atomic.Uint32
	// serve answers requests from the end of the start. Connections that arrive during the
	// start wait for it in the listener's queue.
	serve  func(net.Listener)
	failed chan error
}

// New wires the service of its own modules and those that are added. Nothing is opened
// before Start.
func New(s settings.Settings, version Version, out Output, added ...Module) *App {
	app := &App{settings: s, log: out.Log, failed: make(chan error, 1)}
	app.options = fx.Options(
		fx.NopLogger,
		fx.Supply(s, version, out, out.Log, app),
		fx.Provide(func() storeTLS { return app.stores }),
		systemModule(), storeModule(), replicaModule(), cacheModule(), accessModule(), auditModule(), feedModule(),
		wired(append(modules(), added...)), httpModule(),
	)
	return app
}

// Version is the version of the binary, as git describes it.
type Version string

// Start binds the port, opens the stores, migrates the database, and serves. When it
// returns nil, the service is ready. A port that is in use is an error before anything is
// created.
func (a *App) Start(ctx context.Context) error {
	if err := a.listen(ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	a.fx = fx.New(a.options)
	if err := a.fx.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("start: %w", dig.RootCause(err)), a.listener.Close())
	}
	a.serve(a.listener)
	return nil
}

// listen reads the certificates and binds the port.
func (a *App) listen(ctx context.Context) (err error) {
	if err := a.readCertificate(); err != nil {
		return err
	}
	if a.stores, err = readStoreTLS(a.settings, a.log); err != nil {
		return err
	}
	address := net.JoinHostPort("", strconv.Itoa(int(a.settings.Port)))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on port %d (SERVICE_PORT): %w", a.settings.Port, err)
	}
	a.listener = listener
	if bound, err := netip.ParseAddrPort(listener.Addr().String()); err == nil {
		a.listening.Store(uint32(bound.Port()))
	}
	return nil
}

// readCertificate reads the certificate of the server, if there is one.
func (a *App) readCertificate() error {
	s := a.settings
	if s.TLSCertificate == "" {
		return nil
	}
	paths := tlsfiles.Paths{Certificate: s.TLSCertificate, Key: s.TLSKey, ClientCAs: s.TLSClientCAs}
	files, err := tlsfiles.New(paths, system.NewStopwatch().Elapsed, a.certificateChanged)
	if err != nil {
		return settingsError{&settings.InvalidError{Problems: []string{err.Error()}}}
	}
	a.tls = files.Config()
	return nil
}

func (a *App) certificateChanged(err error) {
	if err != nil {
		a.log.Error("certificate reload failed; former certificate in use", zap.Error(err))
		return
	}
	a.log.Info("certificate reloaded")
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

// Failed delivers an error when the running service fails.
func (a *App) Failed() <-chan error { return a.failed }
