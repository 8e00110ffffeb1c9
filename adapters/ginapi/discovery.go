package ginapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/application/registryapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// modeProtected and modeStale are what Signalbox-Registry-Mode says.
const (
	modeHeader    = "Signalbox-Registry-Mode"
	modeProtected = "protected"
	modeStale     = "stale"
)

// routeDiscovery registers what programs and Prometheus ask for all the time.
func (a *API) routeDiscovery() {
	op := a.registryOperation("discover", http.MethodGet, discoveryPath, "List the instances of a service",
		http.StatusNotFound)
	op.Description = "In the order of their ids, from memory. Left out are those whose lease has ended, unless " +
		"preservation holds them: then Signalbox-Registry-Mode says protected, and observed what is true. It says " +
		"stale while the store cannot be asked. Answers 304 when If-None-Match names the present ETag."
	text := &huma.Schema{Type: huma.TypeString}
	op.Parameters = []*huma.Param{
		{Name: "service_name", In: "path", Required: true, Schema: text},
		{Name: "environment", In: inQuery, Schema: text, Description: "DEFAULT_ENVIRONMENT if not given"},
		readyParameter("Only those that are ready, and those that preservation holds"),
		{Name: "zone", In: inQuery, Schema: text},
		{Name: "tag", In: inQuery, Schema: text},
		{Name: "version", In: inQuery, Schema: text},
		{Name: "If-None-Match", In: "header", Schema: text},
	}
	op.Responses["200"] = a.jsonResponse(http.StatusOK, typeOf[[]instanceJSON](), "ETag", modeHeader, "Signalbox-Stale")
	op.Responses["304"] = &huma.Response{Description: "Not Modified"}
	a.huma.OpenAPI().AddOperation(&op)
	a.offerRevision(&op)
	in := newIntake(&op, a.routes.schemas)
	a.routes.hot(&op, func(c *gin.Context) { a.discover(c, in) })
	a.routePrometheus()
}

func readyParameter(description string) *huma.Param {
	return &huma.Param{
		Name: "ready", In: inQuery, Description: description, Schema: &huma.Schema{Type: huma.TypeBoolean},
	}
}

// answer is made of a view, ready to be sent.
type answer struct {
	// etag and length are headers as they are sent.
	etag, length []string
	body         []byte
}

// answerOf returns the answer for a view. Those that are asked for most are made
// once: those without a zone, tag or version. The others are each request's own, which
// reserves their memory.
func (a *API) answerOf(ctx context.Context, v *registryapp.View, n registryapp.Selection) (*answer, error) {
	if n.Zone != "" || n.Tag != "" || n.Version != "" {
		selected := v.Select(n)
		if err := a.holdAnswer(ctx, bytesOf(selected)); err != nil {
			return nil, err
		}
		return newAnswer(v, selected)
	}
	kept := &v.Prepared
	if n.Ready {
		kept = &v.PreparedReady
	}
	if made, ok := kept.Load().(*answer); ok {
		return made, nil
	}
	made, err := newAnswer(v, v.Select(n))
	if err == nil && !kept.CompareAndSwap(nil, made) {
		made, _ = kept.Load().(*answer)
	}
	return made, err
}

// bytesOf returns some number of bytes that instances take in an answer.
func bytesOf(instances []*registry.Instance) int {
	bytes := len(instances) * instanceBytes
	for _, i := range instances {
		bytes += len(i.Metadata.JSON())
	}
	return bytes
}

func newAnswer(v *registryapp.View, selected []*registry.Instance) (*answer, error) {
	list := []instanceJSON{}
	for _, i := range selected {
		list = append(list, representInstance(i))
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, fault.ErrInternal.WithCause(err)
	}
	return &answer{
		etag: []string{lifeTag(&v.Service)}, length: []string{strconv.Itoa(len(body))}, body: body,
	}, nil
}

// lifeTag is the strong tag of a service: its versions begin anew when it is
// registered after its purge, under another id.
func lifeTag(s *registry.State) string {
	tag := strconv.AppendInt([]byte{'"'}, int64(s.ID), 10)
	return string(append(strconv.AppendInt(append(tag, '.'), int64(s.Version), 10), '"'))
}

func (a *API) discover(c *gin.Context, in intake) {
	environment, selection, err := a.readSelection(c, in)
	if err != nil {
		a.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	v, err := a.options.Registry.Discover(callOf(ctx).caller, unescaped(c.Params[0].Value), environment)
	if err != nil {
		a.fail(c, err)
		return
	}
	ready, err := a.answerOf(ctx, v, selection)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.tellMode(c, v.Protected)
	if !a.revalidated(c, ready.etag) {
		c.Writer.Header()["Content-Length"] = ready.length
		a.sendBytes(c, ready.body)
	}
}

// readSelection reads the query strictly. Most have none.
func (a *API) readSelection(c *gin.Context, in intake) (environment string, n registryapp.Selection, err error) {
	raw := c.Request.URL.RawQuery
	if raw == "" {
		return "", n, nil
	}
	if raw == "ready=true" {
		n.Ready = true
		return "", n, nil
	}
	query, err := in.readQuery(raw)
	if err != nil {
		return "", n, err
	}
	if err := a.reach(c, input{query: query}); err != nil {
		return "", n, err
	}
	n = registryapp.Selection{Zone: query.Get("zone"), Tag: query.Get("tag"), Version: query.Get("version")}
	n.Ready, err = readReady(query.Get("ready"))
	return query.Get("environment"), n, err
}

func readReady(text string) (bool, error) {
	switch text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, fault.Bad("ready", "must be true or false")
}

// tellMode says what keeps the answer from being the whole truth.
func (a *API) tellMode(c *gin.Context, protected bool) {
	stale := a.registryStale()
	if stale == "" && !protected {
		return
	}
	var modes []string
	if protected {
		modes = append(modes, modeProtected)
	}
	if stale != "" {
		modes = append(modes, modeStale)
		c.Writer.Header().Set("Signalbox-Stale", stale)
	}
	c.Writer.Header().Set(modeHeader, strings.Join(modes, ", "))
}
