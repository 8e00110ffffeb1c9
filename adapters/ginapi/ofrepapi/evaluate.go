package ofrepapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/evaluation"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/etag"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// body is the body of an evaluation. Bodies are reused: nothing of one may outlive its
// request.
type body struct{ evaluation.Request }

func newBody() any { return &body{Request: evaluation.NewRequest()} }

// readField reads the context and skips all other fields, as a growing protocol wants.
func readField(b *body, name string) error {
	if name == "context" {
		return b.ReadContext()
	}
	return b.Decoder.SkipValue()
}

// readBody reads a body. The caller returns it to the pool, also with an error.
func (a *API) readBody(c *gin.Context) (*body, error) {
	b, _ := a.bodies.Get().(*body)
	b.Reset()
	if err := b.Receive(c.Writer, c.Request); err != nil {
		return b, err
	}
	return b, rest.ParseObject(&b.Object, b, evaluation.KnownName, readField)
}

// single evaluates one flag.
func (a *API) single(c *gin.Context, in *rest.Input) {
	if c.Params[len(c.Params)-1].Value == "/" {
		a.bulk(c, in)
		return
	}
	key := keyOf(c.Request.URL)
	a.router.SendRevision(c)
	b, environment, err := a.readRequest(c)
	defer a.bodies.Put(b)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	ctx := c.Request.Context()
	e, err := a.Flags.Evaluate(ctx, rest.CallerOf(ctx), flagapp.Evaluate{
		Name: key, Environment: environment, Context: &b.Context,
	})
	if err == nil {
		err = e.Err()
	}
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	b.Answer = appendDecision(b.Answer, e.Flag, &e.Decision)
	rest.SendStale(c, a.Flags.Staleness())
	a.router.SendJSON(c, b.Answer)
}

// bulk evaluates all flags on one snapshot, in the order of their names; those that cannot
// be read come last, as errors.
func (a *API) bulk(c *gin.Context, _ *rest.Input) {
	a.router.SendRevision(c)
	epoch := a.Feed.Position().Epoch // before the snapshot, which may be newer
	b, environment, err := a.readRequest(c)
	defer a.bodies.Put(b)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	ctx := c.Request.Context()
	wanted := snapshotWanted(c.Request.URL)
	all, err := a.Flags.EvaluateAll(ctx, rest.CallerOf(ctx), flagapp.EvaluateAll{
		Environment: environment, Revision: wanted, Context: &b.Context,
	})
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	h := c.Writer.Header()
	h["Cache-Control"] = []string{"private, no-cache"}
	pass, err := a.Passes.Pass(ctx, rest.CallerOf(ctx), all.Environment())
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	current := bulkTag(epoch, &all, b.Bytes(), pass)
	h["Etag"] = []string{current}
	rest.SendStale(c, a.Flags.Staleness())
	if !all.Waited && etag.UnchangedLenient(c.Request.Header["If-None-Match"], current) {
		c.Status(http.StatusNotModified)
		return
	}
	out := a.router.Chunks(c)
	if b.Answer, err = appendBulk(b.Answer, &all, &out); err != nil {
		a.router.FailChunks(c, &out, err)
		return
	}
	b.Answer = append(appendStreams(b.Answer, pass), '}')
	out.End(b.Answer)
}

// readRequest reads the body and the environment. The caller returns the body to the
// pool, also with an error.
func (a *API) readRequest(c *gin.Context) (b *body, environment string, err error) {
	if b, err = a.readBody(c); err != nil {
		return b, "", err
	}
	if b.NotObject {
		return b, "", flag.ErrInvalidContext
	}
	environment, err = a.environmentOf(c)
	return b, environment, err
}

// environmentOf returns the environment of the path, of the header, or the default.
func (a *API) environmentOf(c *gin.Context) (string, error) {
	named := ""
	if strings.HasPrefix(c.FullPath(), environmentsPath) {
		named = c.Params[0].Value
	}
	header := c.Request.Header["X-Environment"]
	switch {
	case len(header) == 0 && named == "":
		return a.DefaultEnvironment, nil
	case len(header) == 0:
		return named, nil
	case len(header) > 1 || named != "" && header[0] != named:
		return "", fault.Bad("X-Environment", "names another environment than the path or itself")
	}
	return header[0], nil
}

// snapshotWanted returns the revision that a flagConfigEtag names, 0 for none. It
// names a snapshot, and no response: what follows the revision is ignored.
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

// bulkTag is the strong tag of the response to a body on a snapshot: equal only for the
// same flags that the caller may evaluate, the same body, byte for byte, and the same pass. The same revision of
// another epoch may be other flags.
func bulkTag(epoch string, all *flagapp.Evaluations, body []byte, pass string) string {
	b := make([]byte, 0, 256)
	digest := sha256.New()
	digest.Write(body)
	digest.Write(append(append(b, epoch...), pass...))
	for _, prefix := range all.Prefixes() {
		digest.Write(append(append(b, prefix...), 0))
	}
	sum := digest.Sum(b)
	var short [24]byte
	hex.Encode(short[:], sum[:len(short)/2])
	b = append(appendSnapshot(append(b, '"'), all.Revision(), all.Environment()), '-')
	return string(append(append(b, short[:]...), '"'))
}
