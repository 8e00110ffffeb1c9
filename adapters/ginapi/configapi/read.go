package configapi

import (
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/etag"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

func readParameters() []*huma.Param {
	return append([]*huma.Param{
		rest.MinVersionParam(),
		rest.PathParam("key", "The key; a slash in it is sent as %2F"),
		rest.RequiredQuery("environment", ""),
		rest.RequiredQuery("service_name", ""),
	}, rest.AsOfParams()...)
}

// read sends one configuration. Most requests want the present version, by a query that
// needs no unescaping.
func (a *API) read(c *gin.Context, in *rest.Input) {
	environment, service, plain := plainQuery(c.Request.URL.RawQuery)
	query := configapp.Read{Key: rest.Unescape(c.Params[0].Value), Environment: environment, ServiceName: service}
	if !plain {
		err := in.Read(c)
		if err == nil {
			query, err = parseRead(in)
		}
		if err == nil {
			err = a.router.AwaitRevision(c, in)
		}
		if err != nil {
			a.router.Fail(c, err)
			return
		}
	}
	if h := c.Request.Header; rest.Conditional(h) {
		query.Unsent = func(state configuration.State) bool { return rest.Unsent(h, validators(state)) }
	}
	ctx := c.Request.Context()
	v, err := a.configurations.Read(ctx, rest.CallerOf(ctx), query)
	rest.SendStale(c, v.Stale)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	a.send(c, v)
}

// plainQuery parses "environment=…&service_name=…" in either order, with values without
// escapes. Anything else is for Input.Read.
func plainQuery(raw string) (environment, service string, ok bool) {
	first, second, _ := strings.Cut(raw, "&")
	if strings.HasPrefix(second, "environment=") {
		first, second = second, first
	}
	environment, one := strings.CutPrefix(first, "environment=")
	service, other := strings.CutPrefix(second, "service_name=")
	if !one || !other || environment == "" || service == "" {
		return "", "", false
	}
	for i := range len(raw) {
		switch raw[i] {
		case '%', '+', ';':
			return "", "", false
		}
	}
	return environment, service, !strings.Contains(service, "&") && !strings.Contains(environment, "&")
}

// parseRead parses the path and the query of a read, and names every part at fault.
func parseRead(in *rest.Input) (configapp.Read, error) {
	version, versionErr := in.Version()
	at, atErr := in.At()
	least, leastErr := in.MinVersion()
	read := configapp.Read{
		MinVersion:  least,
		Key:         in.Path("key"),
		Environment: in.Query("environment"),
		ServiceName: in.Query("service_name"),
		Version:     version,
		At:          at,
	}
	return read, fault.Merge(in.Require("environment"), in.Require("service_name"), versionErr, atErr, leastErr)
}

func prepare(v configapp.View) (*ports.Representation, error) {
	body, err := json.Marshal(represent(v))
	if err != nil {
		return nil, fault.ErrInternal.WithCause(err)
	}
	return &ports.Representation{
		ETag: []string{entityTag(v)}, LastModified: []string{rest.LastModified(v.UpdatedAt)}, Modified: v.UpdatedAt,
		Secret: v.Content.Encrypted() && shown(v), ContentLength: []string{strconv.Itoa(len(body))}, Body: body,
	}, nil
}

// validators returns what preconditions of a caller are compared with that sees the value
// of an encrypted configuration.
func validators(state configuration.State) *ports.Representation {
	return &ports.Representation{
		ETag: []string{etag.OfVariant(state.Version, etag.RevealedSuffix)}, Modified: state.UpdatedAt,
	}
}

// preparedFor returns the response for a view; it is made once where the view is cached.
func preparedFor(v configapp.View) (*ports.Representation, error) {
	if v.Prepared == nil {
		return prepare(v)
	}
	if made := v.Prepared.Load(); made != nil {
		return made, nil
	}
	made, err := prepare(v)
	if err == nil {
		v.Prepared.Store(made)
	}
	return made, err
}

// send sends one configuration, or 304.
func (a *API) send(c *gin.Context, v configapp.View) {
	ready, err := preparedFor(v)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	if !a.router.Revalidated(c, ready) {
		a.router.SendPrepared(c, ready)
	}
}

// entityTag is the strong tag of a configuration as one caller sees it. The value of an
// encrypted one is shown to some callers and not to others, at the same version.
func entityTag(v configapp.View) string {
	if !v.Content.Encrypted() {
		return etag.OfVersion(v.Version)
	}
	if shown(v) {
		return etag.OfVariant(v.Version, etag.RevealedSuffix)
	}
	return etag.OfVariant(v.Version, etag.RedactedSuffix)
}

// shown reports whether the caller sees the value.
func shown(v configapp.View) bool {
	_, shown := v.Value()
	return shown
}
