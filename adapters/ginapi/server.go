package ginapi

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Bounds of a connection. MaxHeaderBytes is what net/http calls so; it reads up
// to 4 KiB more before it answers 431.
const (
	ReadHeaderTimeout = 5 * time.Second
	ReadTimeout       = 15 * time.Second
	WriteTimeout      = 30 * time.Second
	IdleTimeout       = 75 * time.Second
	MaxHeaderBytes    = 16 << 10
)

// NewServer returns a server for that address with the bounds above. Whoever
// starts it stops it.
func NewServer(addr string, h http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: ReadHeaderTimeout,
		ReadTimeout:       ReadTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, conn)
		},
	}
}

// connKey finds a request's connection in its context.
type connKey struct{}

// streamBuffer is how many bytes the system holds for a stream whose client does not
// read. It would hold megabytes, and nobody would notice for minutes.
const streamBuffer = 64 << 10

// narrow lets the system hold no more than that for a connection.
func narrow(ctx context.Context) {
	if conn, ok := ctx.Value(connKey{}).(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = conn.SetWriteBuffer(streamBuffer) // else it holds what it likes
	}
}
