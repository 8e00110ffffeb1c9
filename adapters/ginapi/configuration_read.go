package ginapi

import (
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// maxVersion is the greatest whole number that every JSON reader keeps.
const maxVersion = 1 << 53

// routeRead registers the read of one configuration. It is what programs ask
// for most, so that it does without huma's machinery at each request, and stands
// in the same document.
func (a *API) routeRead() {
	op := a.configurationOperation("read-configuration", http.MethodGet, keyPath, "Read a configuration",
		http.StatusNotFound)
	op.Description = "Answers 304 when If-None-Match names the present ETag. The value of an encrypted " +
		"configuration is shown to callers that may reveal it."
	op.Parameters = readParameters()
	op.Responses["200"] = a.jsonResponse(http.StatusOK, reflect.TypeFor[configurationJSON](), "ETag", "Last-Modified")
	op.Responses["304"] = &huma.Response{Description: "Not Modified"}
	a.huma.OpenAPI().AddOperation(&op)
	a.routes.handle(&op, a.read)
}

func readParameters() []*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	return append([]*huma.Param{
		{Name: "key", In: "path", Required: true, Schema: text, Description: "The key; a slash in it is sent as %2F"},
		{Name: "environment", In: inQuery, Required: true, Schema: text},
		{Name: "service_name", In: inQuery, Required: true, Schema: text},
	}, asOfParameters()...)
}

// asOfParameters choose what stood then, and tell what the caller holds.
func asOfParameters() []*huma.Param {
	low, high := 1.0, float64(maxVersion)
	return []*huma.Param{
		{
			Name: "version", In: inQuery, Description: "As it stood at this version",
			Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &low, Maximum: &high},
		},
		{
			Name: "at", In: inQuery, Description: "As it stood at this time (RFC 3339); not together with version",
			Schema: &huma.Schema{Type: huma.TypeString, Format: "date-time"},
		},
		{
			Name: "If-None-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "ETags that the caller holds, or *",
		},
	}
}

func (a *API) read(c *gin.Context, in input) {
	ask, err := readAsk(in)
	if err != nil {
		a.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	v, err := a.options.Configurations.Read(ctx, callOf(ctx).caller, ask)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.sendConfiguration(c, v)
}

// sendConfiguration writes one configuration, or that it has not changed. The
// answer depends on who asks, and is to be asked for again each time.
func (a *API) sendConfiguration(c *gin.Context, v configapp.View) {
	if a.notModified(c, entityTag(v), v.UpdatedAt) {
		return
	}
	body, err := json.Marshal(represent(v))
	if err != nil {
		a.fail(c, fault.ErrInternal.WithCause(err))
		return
	}
	c.Data(http.StatusOK, jsonMediaType, body)
}

// notModified sets the headers of one thing that callers may hold, and answers 304
// where they hold it as it is.
func (a *API) notModified(c *gin.Context, current string, updated time.Time) bool {
	h := c.Writer.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Authorization, X-Api-Key")
	h.Set("ETag", current)
	h.Set("Last-Modified", updated.UTC().Format(http.TimeFormat))
	if !unchanged(c.Request.Header.Values("If-None-Match"), current) {
		return false
	}
	c.Status(http.StatusNotModified)
	return true
}

// readAsk understands a read's path and query, and names every part at fault.
func readAsk(in input) (configapp.Read, error) {
	version, versionErr := readVersion(in)
	at, atErr := readTime(in)
	ask := configapp.Read{
		Key:         in.param("key"),
		Environment: in.query.Get("environment"),
		ServiceName: in.query.Get("service_name"),
		Version:     version,
		At:          at,
	}
	return ask, fault.Merge(needed(in, "environment"), needed(in, "service_name"), versionErr, atErr)
}

func needed(in input, name string) error {
	if in.query.Get(name) == "" {
		return fault.Bad(name, "is required")
	}
	return nil
}

func readVersion(in input) (configuration.Version, error) {
	if !in.given("version") {
		return 0, nil
	}
	n, err := strconv.ParseInt(in.query.Get("version"), 10, 64)
	if err != nil || n < 1 || n > maxVersion {
		return 0, fault.Bad("version", "must be a whole number from 1 to 2^53")
	}
	return configuration.Version(n), nil
}

// readTime reads the time to look back to. Years beyond those bounds cannot be
// told to every store, and nothing stood in them.
func readTime(in input) (time.Time, error) {
	if !in.given("at") {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, in.query.Get("at"))
	at = at.UTC().Truncate(time.Microsecond)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, fault.Bad("at",
			"must be a time of RFC 3339 in the years 1970 to 9999, such as 2026-01-31T12:00:00Z; + is sent as %2B")
	}
	return at, nil
}
