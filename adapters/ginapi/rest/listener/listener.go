package listener

import (
	"bytes"
	"net"
)

// New returns a listener on whose connections net/http answers a malformed request with this
// response, in place of a text. It is for connections without TLS, which net/http has to know
// as such.
func New(l net.Listener, malformed []byte) net.Listener {
	return problemListener{Listener: l, malformed: malformed}
}

type problemListener struct {
	net.Listener

	malformed []byte
}

// Accept waits for the next connection.
func (l problemListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if tcp, ok := accepted.(*net.TCPConn); ok && err == nil {
		return &problemConn{TCPConn: tcp, malformed: l.malformed}, nil
	}
	return accepted, err //nolint:wrapcheck // net/http compares it
}

// problemConn replaces the text that net/http writes by itself, at once and without any
// other header.
type problemConn struct {
	*net.TCPConn

	malformed []byte
}

// The parts of that text: both repeat the status.
const (
	badRequest  = "HTTP/1.1 400 "
	textHeaders = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
)

// Write writes p, or the problem in its place.
func (c *problemConn) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(p, []byte(badRequest)) || !isBadRequest(p) {
		return c.TCPConn.Write(p) //nolint:wrapcheck // net/http compares it
	}
	if _, err := c.TCPConn.Write(c.malformed); err != nil {
		return 0, err //nolint:wrapcheck // as that of the connection
	}
	return len(p), nil
}

// isBadRequest reports whether net/http answers a malformed request.
func isBadRequest(p []byte) bool {
	head, body, found := bytes.Cut(p, []byte(textHeaders))
	_, status, _ := bytes.Cut(head, []byte(" "))
	return found && bytes.Equal(status, body)
}
