package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// client is a minimal client of HTTP/1.1 over one persistent connection. It is written by
// hand because it shares the processors with the measured server: net/http's client costs
// about as much per request as the server.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(ctx context.Context, address string) (*client, error) { return dialFrom(ctx, nil, address) }

// dialFrom connects from an address of this machine; nil is any.
func dialFrom(ctx context.Context, from net.Addr, address string) (*client, error) {
	conn, err := (&net.Dialer{LocalAddr: from}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// send sends a request and returns the status of its response, whose headers and body are
// still to be read.
func (c *client) send(request []byte) (status int, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(processTimeout)); err != nil {
		return 0, fmt.Errorf("send: %w", err)
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, fmt.Errorf("send: %w", err)
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, fmt.Errorf("receive: %w", err)
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, errors.New("receive: no status line")
	}
	status, err = strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, fmt.Errorf("receive: %w", err)
	}
	return status, nil
}

// exchange sends a request and discards its response, which must have that status.
func (c *client) exchange(request []byte, want int) error {
	status, length, err := c.begin(request)
	if err != nil {
		return err
	}
	if status != want {
		body, _ := io.ReadAll(io.LimitReader(c.in, int64(length)))
		return fmt.Errorf("status %d, not %d: %s", status, want, body)
	}
	_, err = c.in.Discard(length)
	return err
}

// roundTrip sends a request, discards its response, and returns its status.
func (c *client) roundTrip(request []byte) (status int, err error) {
	status, length, err := c.begin(request)
	if err != nil {
		return 0, err
	}
	_, err = c.in.Discard(length)
	return status, err
}

// begin sends a request, reads the headers of its response, and returns its status and the
// length of its body.
func (c *client) begin(request []byte) (status, length int, err error) {
	status, err = c.send(request)
	if err != nil {
		return 0, 0, err
	}
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, 0, fmt.Errorf("receive: %w", err)
		}
		if len(line) == len("\r\n") {
			return status, length, nil
		}
		if value, ok := cutHeader(line, "content-length:"); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, 0, fmt.Errorf("receive: %w", err)
			}
		}
	}
}

// cutHeader returns the value of a header, whose name is in lower case and ends with a
// colon, if the line is that header.
func cutHeader(line []byte, name string) ([]byte, bool) {
	if len(line) < len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name):]), true
}
