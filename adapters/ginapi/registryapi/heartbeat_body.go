package registryapi

import (
	"errors"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// heartbeatBody is the body of one heartbeat or of many as it is read.
type heartbeatBody struct {
	rest.Object
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

func newHeartbeatBody() any { return &heartbeatBody{Object: rest.NewObject()} }

// Reset makes the body ready for another request.
func (b *heartbeatBody) Reset() {
	b.Object.Reset()
	b.answer, b.all, b.texts, b.numbers, b.listed = b.answer[:0], b.all[:0], b.texts[:0], b.numbers[:0], false
	b.one = registryapp.Heartbeat{}
}

// readBody reads a body by its fields.
func (b *heartbeatBody) readBody(c *gin.Context, limit int64, field func(*heartbeatBody, string) error) error {
	if err := b.ReceiveRequired(c.Writer, c.Request, limit); err != nil {
		return err
	}
	return rest.ParseObject(&b.Object, b, knownName, field)
}

// knownName returns the names of expected fields without allocating.
func knownName(quoted []byte) string {
	switch string(quoted) {
	case `"service_name"`:
		return "service_name"
	case `"instance_id"`:
		return "instance_id"
	case `"environment"`:
		return "environment"
	case `"lease_epoch"`:
		return "lease_epoch"
	case `"status"`:
		return "status"
	case `"response_time"`:
		return "response_time"
	}
	return ""
}

// readHeartbeat reads the members of one heartbeat whose name is in its path.
func readHeartbeat(b *heartbeatBody, name string) error {
	switch name {
	case "lease_epoch":
		text, given, err := b.ReadNumber(name)
		if given {
			b.one.Epoch = b.epoch(text)
		}
		return err
	case "environment":
		text, _, err := b.ReadString(name)
		b.one.Environment = text
		return err
	case "status":
		text, given, err := b.ReadString(name)
		if given {
			b.status = text
			b.one.Status = &b.status
		}
		return err
	case "response_time":
		text, given, err := b.ReadNumber(name)
		if given {
			b.responseTime = b.milliseconds(text)
			b.one.ResponseTime = &b.responseTime
		}
		return err
	}
	return b.Unknown(name)
}

func (b *heartbeatBody) epoch(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		b.Bad("lease_epoch", "must be a whole number")
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
		return b.Unknown(name)
	}
	if kind := b.Decoder.PeekKind(); kind != '[' {
		b.Bad(name, "must be a list of heartbeats")
		b.listed = true
		return b.Decoder.SkipValue()
	}
	b.listed = true
	if _, err := b.Decoder.ReadToken(); err != nil {
		return err
	}
	// Pointers into these stay good, because they never grow beyond this.
	b.texts = fit(b.texts, registryapp.MaxHeartbeats)
	b.numbers = fit(b.numbers, registryapp.MaxHeartbeats)
	for b.Decoder.PeekKind() != ']' {
		if len(b.all) == registryapp.MaxHeartbeats {
			return registry.ErrTooManyHeartbeats
		}
		if err := b.readListed(); err != nil {
			return err
		}
	}
	_, err := b.Decoder.ReadToken()
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
	b.List, b.Item = "/heartbeats", len(b.all)
	defer func() { b.List = "" }()
	token, err := b.Decoder.ReadToken()
	if err != nil {
		return err
	}
	b.one = registryapp.Heartbeat{}
	if token.Kind() != '{' {
		b.Faults.Bad(b.ItemPointer(), "must be an object")
		b.all = append(b.all, b.one)
		return b.SkipRest(token)
	}
	for b.Decoder.PeekKind() == '"' {
		name, err := b.ReadName(knownName)
		if err != nil {
			return err
		}
		if err := b.readListedMember(name); err != nil {
			return err
		}
	}
	if _, err := b.Decoder.ReadToken(); err != nil {
		return err
	}
	b.all = append(b.all, b.one)
	return nil
}

func (b *heartbeatBody) readListedMember(name string) (err error) {
	switch name {
	case "service_name":
		b.one.ServiceName, _, err = b.ReadString(name)
	case "instance_id":
		b.one.InstanceID, _, err = b.ReadString(name)
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
