package ginapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/application/freshness"
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
	op.Responses["412"] = a.problemResponses(http.StatusPreconditionFailed)["412"]
	a.huma.OpenAPI().AddOperation(&op)
	a.offerRevision(&op)
	in := newIntake(&op, a.routes.schemas)
	a.routes.hot(&op, func(c *gin.Context) { a.read(c, in) })
}

func readParameters() []*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	return append([]*huma.Param{
		minVersionParameter(),
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

// read answers with what is asked for. Most ask for what stands, by a query that
// needs no unescaping.
func (a *API) read(c *gin.Context, in intake) {
	environment, service, plain := plainQuery(c.Request.URL.RawQuery)
	ask := configapp.Read{Key: unescaped(c.Params[0].Value), Environment: environment, ServiceName: service}
	if !plain {
		read, err := in.read(c)
		if err == nil {
			ask, err = readAsk(read)
		}
		if err == nil {
			err = a.reach(c, read)
		}
		if err != nil {
			a.fail(c, err)
			return
		}
	}
	ctx := c.Request.Context()
	v, err := a.options.Configurations.Read(ctx, callOf(ctx).caller, ask)
	a.tellStale(c, v.Stale)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.sendConfiguration(c, v)
}

// plainQuery reads "environment=…&service_name=…" in either order, with values that
// stand for themselves. Anything else is for the intake.
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

// tellStale says how old an answer may be, where it may be older than it should.
func (*API) tellStale(c *gin.Context, stale time.Duration) {
	if freshness.Stale(stale) {
		c.Writer.Header().Set("Signalbox-Stale", strconv.Itoa(int(stale/time.Second)))
	}
}

// preparedConfiguration is an answer that is ready to be sent.
type preparedConfiguration struct {
	// etag, modified and length are headers as they are sent.
	etag, modified, length []string
	body                   []byte
}

func prepareConfiguration(v configapp.View) (*preparedConfiguration, error) {
	body, err := json.Marshal(represent(v))
	if err != nil {
		return nil, fault.ErrInternal.WithCause(err)
	}
	return &preparedConfiguration{
		etag: []string{entityTag(v)}, modified: []string{v.UpdatedAt.UTC().Format(http.TimeFormat)},
		length: []string{strconv.Itoa(len(body))}, body: body,
	}, nil
}

// preparedFor returns the answer for a view, which is made once where the view is
// kept.
func preparedFor(v configapp.View) (*preparedConfiguration, error) {
	if v.Prepared == nil {
		return prepareConfiguration(v)
	}
	if made, ok := v.Prepared.Load().(*preparedConfiguration); ok {
		return made, nil
	}
	made, err := prepareConfiguration(v)
	if err == nil {
		v.Prepared.Store(made)
	}
	return made, err
}

// sendConfiguration writes one configuration, or that it has not changed. The
// answer depends on who asks, and is to be asked for again each time.
func (a *API) sendConfiguration(c *gin.Context, v configapp.View) {
	ready, err := preparedFor(v)
	if err != nil {
		a.fail(c, err)
		return
	}
	h := c.Writer.Header()
	h["Last-Modified"] = ready.modified
	if !a.revalidated(c, ready.etag) {
		h["Content-Length"] = ready.length
		a.sendBytes(c, ready.body)
	}
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
	least, leastErr := readMinVersion(in)
	ask := configapp.Read{
		MinVersion:  least,
		Key:         in.param("key"),
		Environment: in.query.Get("environment"),
		ServiceName: in.query.Get("service_name"),
		Version:     version,
		At:          at,
	}
	return ask, fault.Merge(needed(in, "environment"), needed(in, "service_name"), versionErr, atErr, leastErr)
}

func needed(in input, name string) error {
	if in.query.Get(name) == "" {
		return fault.Bad(name, "is required")
	}
	return nil
}

// minVersionParameter asks for something that is not older.
func minVersionParameter() *huma.Param {
	return &huma.Param{
		Name: "min_version", In: inQuery, Schema: between(1, maxVersion),
		Description: "Nothing older than this version; 412 with the present one where it was not reached",
	}
}

func readMinVersion(in input) (configuration.Version, error) {
	if !in.given("min_version") {
		return 0, nil
	}
	n, err := readWhole(in, "min_version", 1, maxVersion)
	return configuration.Version(n), err
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
