package ginapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// The paths of OFREP (OpenFeature Remote Evaluation Protocol, version 0.3). They
// also stand below /environments/{environment}.
const (
	ofrepFlags       = "/ofrep/v1/evaluate/flags"
	environmentsPath = "/environments/"
	// MaxSnapshotWait is how long a bulk evaluation waits for the snapshot that its
	// caller has heard of.
	maxSnapshotWait = 2 * time.Second
)

// routeOFREP registers both calls. Gin has no fixed path beside a wildcard, so
// that the wildcard's "/" is the bulk evaluation with a slash at its end.
func (a *API) routeOFREP() {
	single := a.ofrepOperation("ofrep-evaluate-flag", ofrepFlags+"/{key}", "Evaluate a feature flag by OFREP",
		reflect.TypeFor[ofrepFlagJSON](), http.StatusNotFound)
	single.Parameters = append([]*huma.Param{{
		Name: "key", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
		Description: "The flag's name; a slash in it is sent as it is or as %2F",
	}}, single.Parameters...)
	bulk := a.ofrepOperation("ofrep-evaluate-flags", ofrepFlags, "Evaluate all feature flags by OFREP",
		reflect.TypeFor[ofrepBulkJSON]())
	text := &huma.Schema{Type: huma.TypeString}
	bulk.Parameters = append(bulk.Parameters,
		&huma.Param{Name: "If-None-Match", In: "header", Schema: text},
		&huma.Param{
			Name: "flagConfigEtag", In: inQuery, Schema: text,
			Description: "The snapshot that the caller has heard of, by an ETag of this call; older ones wait",
		})
	bulk.Responses["304"] = &huma.Response{Description: "Not Modified"}
	for _, op := range []*huma.Operation{&single, &bulk} {
		a.huma.OpenAPI().AddOperation(op)
	}
	for _, base := range []string{"", environmentsPath + ":environment"} {
		a.mountOFREP(base+ofrepFlags, &bulk, a.ofrepBulk)
		a.mountOFREP(base+ofrepFlags+"/*key", &single, func(c *gin.Context) {
			if c.Param("key") == "/" {
				a.ofrepBulk(c)
				return
			}
			a.ofrepSingle(c)
		})
	}
}

func (a *API) mountOFREP(path string, op *huma.Operation, handler gin.HandlerFunc) {
	a.templates[http.MethodPost+path] = op.Path
	a.engine.POST(path, a.admitting(op, func(c *gin.Context) {
		callOf(c.Request.Context()).reads = true
		a.tellRevision(c)
		handler(c)
	}))
}

func (a *API) ofrepOperation(id, path, summary string, out reflect.Type, problems ...int) huma.Operation {
	op := huma.Operation{
		Metadata:    map[string]any{actionKey: access.EvaluateFlag},
		OperationID: id, Method: http.MethodPost, Path: path, Summary: summary,
		Tags: []string{"ofrep"}, Security: keySecurity(), Responses: map[string]*huma.Response{},
		Description: "OpenFeature Remote Evaluation Protocol 0.3. Also below /environments/{environment}.",
		Parameters: []*huma.Param{{
			Name: "X-Environment", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "The environment, where the path does not name it; DEFAULT_ENVIRONMENT if not given",
		}},
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{
			jsonMediaType: {Schema: a.routes.schemas.Schema(reflect.TypeFor[ofrepRequestJSON](), true, "")},
		}},
	}
	op.Responses["200"] = a.jsonResponse(http.StatusOK, out, "ETag")
	a.documentOFREPFailures(&op, append(problems, http.StatusRequestEntityTooLarge)...)
	return op
}

// documentOFREPFailures adds the failures of any operation, and those named.
func (a *API) documentOFREPFailures(op *huma.Operation, statuses ...int) {
	for _, status := range append(statuses, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
		http.StatusInternalServerError, http.StatusServiceUnavailable) {
		op.Responses[strconv.Itoa(status)] = a.jsonResponse(status, reflect.TypeFor[ofrepErrorJSON]())
	}
}

// ofrepCall is what a path says about a call of OFREP.
type ofrepCall struct {
	// single says that the call is for one flag, key which.
	single bool
	key    string
}

// ofrepOf reads the path of a request, and reports whether it is a call of OFREP.
func (c *requestContext) ofrepOf(u *url.URL) bool {
	if !strings.HasPrefix(u.Path, "/ofrep/") && !strings.HasPrefix(u.Path, environmentsPath) {
		return false
	}
	path := u.EscapedPath()
	if rest, ok := strings.CutPrefix(path, environmentsPath); ok {
		_, rest, _ = strings.Cut(rest, "/")
		path = "/" + rest
	}
	if !strings.HasPrefix(path, "/ofrep/") {
		return false
	}
	key, single := strings.CutPrefix(path, ofrepFlags+"/")
	key = strings.TrimSuffix(key, "/")
	if unescaped, err := url.PathUnescape(key); err == nil {
		key = unescaped
	}
	c.ofrep = ofrepCall{single: single && key != "", key: key}
	return true
}

// ofrepSingle evaluates one flag.
func (a *API) ofrepSingle(c *gin.Context) {
	s, b, err := a.ofrepAsk(c, 0)
	defer a.forget(b)
	if err != nil {
		a.fail(c, err)
		return
	}
	this := callOf(c.Request.Context())
	f := s.Find(this.ofrep.key)
	if f == nil {
		a.fail(c, s.Missing(this.ofrep.key))
		return
	}
	d := flag.Evaluate(f, &b.context)
	if err := d.Err(); err != nil {
		a.fail(c, err)
		return
	}
	b.answer = appendOFREP(b.answer, f, d)
	a.sendEvaluation(c, b.answer)
}

// ofrepBulk evaluates all flags on one snapshot, in the order of their names; those
// that cannot be read come last, as errors.
func (a *API) ofrepBulk(c *gin.Context) {
	wanted := snapshotWanted(c.Request.URL)
	epoch := a.options.Watching.Position().Epoch // before the snapshot, which may be newer
	s, b, err := a.ofrepAsk(c, wanted)
	defer a.forget(b)
	if err != nil {
		a.fail(c, err)
		return
	}
	h := c.Writer.Header()
	h["Cache-Control"] = []string{"private, no-cache"}
	pass, err := a.options.Passes.Pass(c.Request.Context(), callOf(c.Request.Context()).caller, s.Environment())
	if err != nil {
		a.fail(c, err)
		return
	}
	current := bulkTag(epoch, s, b.buffer.Bytes(), pass)
	h["Etag"] = []string{current}
	a.tellStaleness(c)
	if wanted <= s.Revision() && b.waited == 0 && holds(c.Request.Header["If-None-Match"], current) {
		c.Status(http.StatusNotModified)
		return
	}
	out := a.spillTo(c)
	if b.answer, err = appendBulk(b.answer, s, b, &out); err != nil {
		a.giveUp(c, &out, err)
		return
	}
	b.answer = append(appendStreams(b.answer, pass), '}')
	out.end(b.answer)
}

// ofrepAsk reads the body and finds the snapshot: the first of at least that
// revision, if it comes in time.
func (a *API) ofrepAsk(c *gin.Context, revision int64) (*flagapp.Snapshot, *evaluationBody, error) {
	b, err := a.evaluationBody(c.Writer, c.Request, lax)
	if err != nil {
		return nil, b, err
	}
	if b.noContext {
		return nil, b, flag.ErrInvalidContext
	}
	environment, err := a.ofrepEnvironment(c)
	if err != nil {
		return nil, b, err
	}
	caller := callOf(c.Request.Context()).caller
	s, err := a.options.Flags.Snapshot(c.Request.Context(), caller, environment)
	if err != nil || s.Revision() >= revision {
		return s, b, err
	}
	b.waited = revision
	ctx, cancel := context.WithTimeout(c.Request.Context(), maxSnapshotWait)
	defer cancel()
	s, err = a.options.Flags.SnapshotAt(ctx, caller, environment, revision)
	return s, b, err
}

// ofrepEnvironment is the one of the path, of the header, or the default.
func (a *API) ofrepEnvironment(c *gin.Context) (string, error) {
	named := c.Param("environment")
	header := c.Request.Header["X-Environment"]
	switch {
	case len(header) == 0 && named == "":
		return a.options.DefaultEnvironment, nil
	case len(header) == 0:
		return named, nil
	case len(header) > 1 || named != "" && header[0] != named:
		return "", fault.Bad("X-Environment", "names another environment than the path or itself")
	}
	return header[0], nil
}

// snapshotWanted returns the revision that a flagConfigEtag names, 0 for none. It
// names a snapshot, and no response: what comes after the revision is passed over.
func snapshotWanted(u *url.URL) int64 {
	if u.RawQuery == "" {
		return 0
	}
	tag := strings.Trim(strings.TrimPrefix(u.Query().Get("flagConfigEtag"), "W/"), `"`)
	digits, _, _ := strings.Cut(tag, "-")
	revision, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || revision < 0 {
		return 0
	}
	return revision
}

// bulkTag is the strong tag of what a body gets of a snapshot: equal only for the
// same flags, the same body, byte for byte, and the same pass. The same revision of
// another epoch may be other flags.
func bulkTag(epoch string, s *flagapp.Snapshot, body []byte, pass string) string {
	b := make([]byte, 0, 256)
	digest := sha256.New()
	digest.Write(body)
	digest.Write(append(append(b, epoch...), pass...))
	sum := digest.Sum(b)
	var short [24]byte
	hex.Encode(short[:], sum[:len(short)/2])
	b = append(appendSnapshot(append(b, '"'), s), '-')
	return string(append(append(b, short[:]...), '"'))
}

// holds reports whether an If-None-Match names a tag, in all the forms that
// clients and proxies make of it: a list, *, weak, without quotes, with the
// suffix that compression adds.
func holds(lines []string, current string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.Trim(strings.TrimPrefix(strings.TrimSpace(part), "W/"), `"`)
			part = strings.TrimSuffix(part, "-gzip")
			if part == "*" || part == strings.Trim(current, `"`) {
				return true
			}
		}
	}
	return false
}
