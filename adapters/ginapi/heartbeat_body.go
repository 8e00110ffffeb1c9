package ginapi

import (
	"errors"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// heartbeatBody is the body of one heartbeat or of many as it is read.
type heartbeatBody struct {
	objectBody
	// answer is where the answer is written.
	answer []byte
	// one is the heartbeat that is being read, with where its numbers and texts are.
	one          registryapp.Heartbeat
	status       string
	responseTime float64
	all          []registryapp.Heartbeat
	texts        []string
	numbers      []float64
	listed       bool
}

func newHeartbeatBody() any { return &heartbeatBody{objectBody: newObjectBody()} }

func (b *heartbeatBody) reset() {
	b.objectBody.reset()
	b.answer, b.all, b.texts, b.numbers, b.listed = b.answer[:0], b.all[:0], b.texts[:0], b.numbers[:0], false
	b.one = registryapp.Heartbeat{}
}

// receiveObject reads a body that has to be there and to be declared as JSON.
func (b *heartbeatBody) receiveObject(
	c *gin.Context, limit int64, member func(*heartbeatBody, string) error,
) error {
	if err := b.receive(c.Writer, c.Request, limit); err != nil {
		return err
	}
	switch {
	case b.buffer.Len() == 0:
		return ErrBodyMissing
	case len(c.Request.Header["Content-Type"]) == 0:
		return ErrUnsupportedMediaType
	}
	return parseObject(&b.objectBody, b, member)
}

// readHeartbeat reads the members of one heartbeat whose name is in its path.
func readHeartbeat(b *heartbeatBody, name string) error {
	switch name {
	case "lease_epoch":
		text, given, err := b.readNumber(name)
		if given {
			b.one.Epoch = b.epoch(text)
		}
		return err
	case "environment":
		text, _, err := b.readText(name)
		b.one.Environment = text
		return err
	case "status":
		text, given, err := b.readText(name)
		if given {
			b.status = text
			b.one.Status = &b.status
		}
		return err
	case "response_time":
		text, given, err := b.readNumber(name)
		if given {
			b.responseTime = b.milliseconds(text)
			b.one.ResponseTime = &b.responseTime
		}
		return err
	}
	return b.unknown(name)
}

func (b *heartbeatBody) epoch(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		b.bad("lease_epoch", "must be a whole number")
	}
	return n
}

// milliseconds returns a number, or one that no response takes where no double
// holds it.
func (b *heartbeatBody) milliseconds(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) {
		return -1
	}
	return n
}

// readHeartbeats reads the list of heartbeats.
func readHeartbeats(b *heartbeatBody, name string) error {
	if name != "heartbeats" {
		return b.unknown(name)
	}
	if kind := b.decoder.PeekKind(); kind != '[' {
		b.bad(name, "must be a list of heartbeats")
		b.listed = true
		return b.decoder.SkipValue()
	}
	b.listed = true
	if _, err := b.decoder.ReadToken(); err != nil {
		return err
	}
	// Pointers into these stay good, because they never grow beyond this.
	b.texts = fit(b.texts, registryapp.MaxHeartbeats)
	b.numbers = fit(b.numbers, registryapp.MaxHeartbeats)
	for b.decoder.PeekKind() != ']' {
		if len(b.all) == registryapp.MaxHeartbeats {
			return registry.ErrTooManyHeartbeats
		}
		if err := b.readListed(); err != nil {
			return err
		}
	}
	_, err := b.decoder.ReadToken()
	return err
}

// fit returns an empty slice that holds n without growing.
func fit[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, 0, n)
	}
	return s[:0]
}

// readListed reads one heartbeat of the list.
func (b *heartbeatBody) readListed() error {
	b.at = "/heartbeats/" + strconv.Itoa(len(b.all))
	defer func() { b.at = "" }()
	token, err := b.decoder.ReadToken()
	if err != nil {
		return err
	}
	b.one = registryapp.Heartbeat{}
	if token.Kind() != '{' {
		b.faults.Bad(b.at, "must be an object")
		b.all = append(b.all, b.one)
		return b.skipRest(token)
	}
	for b.decoder.PeekKind() == '"' {
		quoted, err := b.decoder.ReadValue()
		if err != nil {
			return err
		}
		if err := b.readListedMember(memberName(quoted)); err != nil {
			return err
		}
	}
	if _, err := b.decoder.ReadToken(); err != nil {
		return err
	}
	b.all = append(b.all, b.one)
	return nil
}

func (b *heartbeatBody) readListedMember(name string) (err error) {
	switch name {
	case "service_name":
		b.one.ServiceName, _, err = b.readText(name)
	case "instance_id":
		b.one.InstanceID, _, err = b.readText(name)
	default:
		err = readHeartbeat(b, name)
	}
	if err != nil {
		return err
	}
	if b.one.Status == &b.status {
		b.texts = append(b.texts, b.status)
		b.one.Status = &b.texts[len(b.texts)-1]
	}
	if b.one.ResponseTime == &b.responseTime {
		b.numbers = append(b.numbers, b.responseTime)
		b.one.ResponseTime = &b.numbers[len(b.numbers)-1]
	}
	return nil
}
