package ginapi

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// maxHeartbeatBytes is the longest body of a heartbeat that is read.
const maxHeartbeatBytes = 4 << 10

// routeHeartbeats registers what every instance calls all the time, so that it
// reads and writes without huma's machinery, and stands in the same document.
func (a *API) routeHeartbeats() {
	op := needing(access.WriteService, a.registryOperation("renew-lease", http.MethodPut, instancePath+"/heartbeat",
		"Renew the lease of an instance",
		http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable))
	text := &huma.Schema{Type: huma.TypeString}
	op.Parameters = []*huma.Param{
		{Name: "service_name", In: "path", Required: true, Schema: text},
		{Name: "instance_id", In: "path", Required: true, Schema: text},
		{Name: "environment", In: inQuery, Schema: text, Description: "Where the instance is; lease_epoch says it too"},
	}
	in := newIntake(&op, a.routes.schemas)
	a.describeHot(&op, a.requestBody(typeOf[heartbeatJSON]()), a.jsonResponse(http.StatusOK, typeOf[beatJSON]()))
	a.routes.hot(&op, func(c *gin.Context) { a.heartbeat(c, in) })

	batch := needing(access.WriteService, a.registryOperation("renew-leases", http.MethodPost,
		registryPath+"/heartbeats", "Renew the leases of up to 1,000 instances", http.StatusServiceUnavailable))
	batch.Description = "One result for each heartbeat, in order, with the status that it alone would have had."
	a.describeHot(&batch, a.requestBody(typeOf[heartbeatsJSON]()), a.jsonResponse(http.StatusOK, typeOf[beatsJSON]()))
	a.routes.hot(&batch, a.heartbeats)
}

func (a *API) describeHot(op *huma.Operation, in *huma.RequestBody, out *huma.Response) {
	op.RequestBody = in
	op.Responses["200"] = out
	a.huma.OpenAPI().AddOperation(op)
}

func (a *API) heartbeat(c *gin.Context, in intake) {
	b, _ := a.beats.Get().(*heartbeatBody)
	defer a.beats.Put(b)
	b.reset()
	err := b.receiveObject(c, maxHeartbeatBytes, readHeartbeat)
	b.one.ServiceName, b.one.InstanceID = unescaped(c.Params[0].Value), unescaped(c.Params[1].Value)
	if raw := c.Request.URL.RawQuery; err == nil && raw != "" {
		err = b.placed(in, raw)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	beat, err := a.options.Registry.Heartbeat(ctx, callOf(ctx).caller, b.one)
	if err != nil {
		a.fail(c, err)
		return
	}
	b.answer = append(appendBeat(append(b.answer, '{'), beat), '}')
	a.sendBytes(c, b.answer)
}

// placed takes in the environment that a query names.
func (b *heartbeatBody) placed(in intake, raw string) error {
	query, err := in.readQuery(raw)
	if err == nil {
		b.one.Environment, err = oneEnvironment(query.Get("environment"), b.one.Environment)
	}
	return err
}

// unescaped returns a path value by the rules of paths. One that cannot be
// unescaped is no name, and is told so.
func unescaped(value string) string {
	for i := range len(value) {
		if value[i] == '%' {
			plain, err := url.PathUnescape(value)
			if err != nil {
				return value
			}
			return plain
		}
	}
	return value
}

func appendBeat(to []byte, beat registryapp.Beat) []byte {
	to = append(to, `"lease_epoch":`...)
	to = strconv.AppendInt(to, int64(beat.Epoch), 10)
	to = append(to, `,"expires_in_ms":`...)
	return strconv.AppendInt(to, int64(beat.ExpiresIn/time.Millisecond), 10)
}

func (a *API) heartbeats(c *gin.Context) {
	b, _ := a.beats.Get().(*heartbeatBody)
	defer a.beats.Put(b)
	b.reset()
	err := b.receiveObject(c, maxBodyBytes, readHeartbeats)
	if err == nil && !b.listed {
		err = fault.Bad("heartbeats", "is required")
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	results, err := a.options.Registry.Heartbeats(ctx, callOf(ctx).caller, b.all)
	if err != nil {
		a.fail(c, err)
		return
	}
	b.answer = append(b.answer, `{"results":[`...)
	for i := range results {
		if i > 0 {
			b.answer = append(b.answer, ',')
		}
		b.answer = appendBeaten(b.answer, &b.all[i], &results[i])
	}
	b.answer = append(b.answer, `]}`...)
	c.Header("Content-Length", strconv.Itoa(len(b.answer)))
	a.sendBytes(c, b.answer)
}

// appendBeaten writes what became of one heartbeat of a batch.
func appendBeaten(to []byte, in *registryapp.Heartbeat, out *registryapp.Beaten) []byte {
	to = append(to, `{"service_name":`...)
	to = appendMember(appendQuoted(to, in.ServiceName), "instance_id", in.InstanceID)
	to = append(to, `,"status":`...)
	if out.Err == nil {
		to = append(to, `200,`...)
		return append(appendBeat(to, out.Beat), '}')
	}
	f := fault.Of(out.Err)
	to = strconv.AppendInt(to, int64(Status(f.Kind())), 10)
	to = appendMember(to, "code", f.Code())
	if f.Kind() != fault.Internal {
		to = appendMember(to, "detail", f.Message())
	}
	to = appendDetails(to, f)
	for i, field := range f.Fields() {
		if i == 0 {
			to = append(to, `,"errors":[`...)
		} else {
			to = append(to, ',')
		}
		to = append(to, `{"location":`...)
		to = appendMember(appendQuoted(to, field.Name), "message", field.Message)
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
		to = append(appendQuoted(append(to, ','), d.Name), ':')
		for i, name := range names {
			separator := byte(',')
			if i == 0 {
				separator = '['
			}
			to = appendQuoted(append(to, separator), name)
		}
		to = append(to, ']')
	}
	return to
}
