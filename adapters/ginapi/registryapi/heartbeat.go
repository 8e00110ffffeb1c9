package registryapi

import (
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// maxHeartbeatBytes is the longest body of a heartbeat that is read.
const maxHeartbeatBytes = 4 << 10

func (a *API) heartbeat(c *gin.Context, in *rest.Input) {
	b, _ := a.heartbeats.Get().(*heartbeatBody)
	defer a.heartbeats.Put(b)
	b.Reset()
	err := b.readBody(c, maxHeartbeatBytes, readHeartbeat)
	b.one.ServiceName, b.one.InstanceID = rest.Unescape(c.Params[0].Value), rest.Unescape(c.Params[1].Value)
	if raw := c.Request.URL.RawQuery; err == nil && raw != "" {
		err = b.readQuery(in, raw)
	}
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	ctx := c.Request.Context()
	result, err := a.registry.Heartbeat(ctx, rest.CallerOf(ctx), b.one)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	b.answer = append(appendHeartbeat(append(b.answer, '{'), result), '}')
	a.router.SendJSON(c, b.answer)
}

// readQuery reads the environment that a query names.
func (b *heartbeatBody) readQuery(in *rest.Input, raw string) error {
	err := in.ReadQuery(raw)
	if err == nil {
		b.one.Environment, err = oneEnvironment(in.Query("environment"), b.one.Environment)
	}
	return err
}

func appendHeartbeat(to []byte, result registryapp.HeartbeatResult) []byte {
	to = append(to, `"lease_epoch":`...)
	to = strconv.AppendInt(to, int64(result.Epoch), 10)
	to = append(to, `,"expires_in_ms":`...)
	return strconv.AppendInt(to, int64(result.ExpiresIn/time.Millisecond), 10)
}

func (a *API) batch(c *gin.Context, _ *rest.Input) {
	b, _ := a.heartbeats.Get().(*heartbeatBody)
	defer a.heartbeats.Put(b)
	b.Reset()
	err := b.readBody(c, rest.MaxBodyBytes, readHeartbeats)
	if err == nil && !b.listed {
		err = fault.Bad("heartbeats", "is required")
	}
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	ctx := c.Request.Context()
	results, err := a.registry.Heartbeats(ctx, rest.CallerOf(ctx), b.all)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	b.answer = append(b.answer, `{"results":[`...)
	for i := range results {
		if i > 0 {
			b.answer = append(b.answer, ',')
		}
		b.answer = appendResult(b.answer, i, &b.all[i], &results[i])
	}
	b.answer = append(b.answer, `]}`...)
	c.Header("Content-Length", strconv.Itoa(len(b.answer)))
	a.router.SendJSON(c, b.answer)
}

// appendResult writes the result of the n-th heartbeat of a batch.
func appendResult(to []byte, n int, in *registryapp.Heartbeat, out *registryapp.BatchResult) []byte {
	to = append(to, `{"service_name":`...)
	to = rest.AppendMember(rest.AppendQuoted(to, in.ServiceName), "instance_id", in.InstanceID)
	to = append(to, `,"status":`...)
	if out.Err == nil {
		to = append(to, `200,`...)
		return append(appendHeartbeat(to, out.HeartbeatResult), '}')
	}
	f := fault.Of(out.Err)
	to = strconv.AppendInt(to, int64(rest.Status(f.Kind())), 10)
	to = rest.AppendMember(to, "code", f.Code())
	if f.Kind() != fault.Internal {
		to = rest.AppendMember(to, "detail", f.Message())
	}
	to = appendDetails(to, f)
	for i, field := range f.Fields() {
		if i == 0 {
			to = append(to, `,"errors":[`...)
		} else {
			to = append(to, ',')
		}
		to = append(to, `{"location":`...)
		location := "body.heartbeats[" + strconv.Itoa(n) + "]." + field.Name
		to = rest.AppendMember(rest.AppendQuoted(to, location), "message", field.Message)
		to = append(to, '}')
		if i == len(f.Fields())-1 {
			to = append(to, ']')
		}
	}
	return append(to, '}')
}

// appendDetails writes the details of a failure that are lists of names.
func appendDetails(to []byte, f *fault.Error) []byte {
	for _, d := range f.Details() {
		names, listed := d.Value.([]string)
		if !listed {
			continue
		}
		to = append(rest.AppendQuoted(append(to, ','), d.Name), ':')
		for i, name := range names {
			separator := byte(',')
			if i == 0 {
				separator = '['
			}
			to = rest.AppendQuoted(append(to, separator), name)
		}
		to = append(to, ']')
	}
	return to
}
