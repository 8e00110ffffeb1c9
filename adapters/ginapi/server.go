package ginapi

import (
	"net/http"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
)

// Bounds of a connection. MaxHeaderBytes is what net/http calls so; it reads up
// to 4 KiB more before it responds with 431.
const (
	ReadHeaderTimeout = 5 * time.Second
	ReadTimeout       = 15 * time.Second
	WriteTimeout      = rest.WriteTimeout
	IdleTimeout       = 75 * time.Second
	MaxHeaderBytes    = 16 << 10
)

// NewServer returns a server for that address with the bounds above. The caller starts and
// stops it.
func NewServer(addr string, h http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: ReadHeaderTimeout,
		ReadTimeout:       ReadTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		ConnContext:       rest.ConnContext,
	}
}
