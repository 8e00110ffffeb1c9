package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
)

// serveCeiling is bare Gin: it reads a response, prints its address, and sends the response
// to every request until ctx ends.
func serveCeiling(ctx context.Context, in io.Reader, out io.Writer) error {
	var a answer
	if err := json.NewDecoder(in).Decode(&a); err != nil {
		return fmt.Errorf("read the response: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return fmt.Errorf("print the address: %w", err)
	}
	server := &http.Server{Handler: bareGin(a), ReadHeaderTimeout: processTimeout}
	stopped := context.AfterFunc(ctx, func() {
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(deadline)
	})
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// bareGin writes the same bytes and headers as the service. It decodes the body if the
// response says so.
func bareGin(a answer) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	length := []string{strconv.Itoa(len(a.Body))}
	if a.Status == http.StatusNotModified {
		length = nil
	}
	decode := decoder(a.Decodes)
	engine.Handle(a.Method, a.Path, func(c *gin.Context) {
		if !decode(c) {
			c.Status(http.StatusBadRequest)
			return
		}
		maps.Copy(c.Writer.Header(), a.Header)
		c.Writer.Header()["Content-Length"] = length
		c.Writer.WriteHeader(a.Status)
		_, _ = c.Writer.Write(a.Body)
	})
	return engine
}
