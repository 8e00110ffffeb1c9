package registryapi

import (
	"context"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/registryapp/catalogue"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
)

// modeProtected and modeStale are what Signalbox-Registry-Mode says.
const (
	modeHeader    = "Signalbox-Registry-Mode"
	modeProtected = "protected"
	modeStale     = "stale"
)

// representationOf returns the response for a view. Those without a zone, tag or version
// are requested most and made once; others reserve memory of their own.
func (a *API) representationOf(
	ctx context.Context, v *catalogue.View, n catalogue.Selection,
) (*ports.Representation, error) {
	if n.Zone != "" || n.Tag != "" || n.Version != "" {
		selected := v.Select(n)
		if err := a.router.ReserveResponse(ctx, bytesOf(selected)); err != nil {
			return nil, err
		}
		return encode(v, selected)
	}
	cached := &v.Prepared
	if n.Ready {
		cached = &v.PreparedReady
	}
	if made := cached.Load(); made != nil {
		return made, nil
	}
	made, err := encode(v, v.Select(n))
	if err == nil && !cached.CompareAndSwap(nil, made) {
		made = cached.Load()
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

func encode(v *catalogue.View, selected []*registry.Instance) (*ports.Representation, error) {
	list := []instanceJSON{}
	for _, i := range selected {
		list = append(list, representInstance(i))
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, fault.ErrInternal.WithCause(err)
	}
	return &ports.Representation{
		ETag: []string{lifeTag(&v.Service)}, ContentLength: []string{strconv.Itoa(len(body))}, Body: body,
	}, nil
}

// lifeTag is the strong tag of a service: its versions begin anew when it is
// registered after its purge, under another id.
func lifeTag(s *registry.State) string {
	tag := strconv.AppendInt([]byte{'"'}, int64(s.ID), 10)
	return string(append(strconv.AppendInt(append(tag, '.'), int64(s.Version), 10), '"'))
}

func (a *API) discover(c *gin.Context, in *rest.Input) {
	environment, selection, err := a.readSelection(c, in)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	ctx := c.Request.Context()
	v, err := a.registry.Discover(rest.CallerOf(ctx), rest.Unescape(c.Params[0].Value), environment)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	ready, err := a.representationOf(ctx, v, selection)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	a.setModeHeader(c, v.Protected)
	if !a.router.Revalidated(c, ready) {
		a.router.SendPrepared(c, ready)
	}
}

// readSelection reads the query strictly. Most have none.
func (a *API) readSelection(c *gin.Context, in *rest.Input) (environment string, n catalogue.Selection, err error) {
	raw := c.Request.URL.RawQuery
	if raw == "" {
		return "", n, nil
	}
	if raw == "ready=true" {
		n.Ready = true
		return "", n, nil
	}
	if err := in.ReadQuery(raw); err != nil {
		return "", n, err
	}
	if err := a.router.AwaitRevision(c, in); err != nil {
		return "", n, err
	}
	n = catalogue.Selection{Zone: in.Query("zone"), Tag: in.Query("tag"), Version: in.Query("version")}
	n.Ready, err = readReady(in.Query("ready"))
	return in.Query("environment"), n, err
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

// setModeHeader names why the response may be incomplete.
func (a *API) setModeHeader(c *gin.Context, protected bool) {
	stale := a.stale()
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
