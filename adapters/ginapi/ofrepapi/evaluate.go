package ofrepapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/evaluation"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// maxSnapshotWait is how long a bulk evaluation waits for the snapshot that its caller was
// notified of.
const maxSnapshotWait = 2 * time.Second

// body is the body of an evaluation. Bodies are reused: nothing of one may outlive its
// request.
type body struct {
	evaluation.Request
	// waited is the revision that a bulk evaluation had to wait for, 0 for none.
	waited int64
}

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
	b.waited = 0
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
	s, b, err := a.load(c, 0)
	defer a.bodies.Put(b)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	f := s.Find(key)
	if f == nil {
		a.router.Fail(c, s.Missing(key))
		return
	}
	d := flag.Evaluate(f, &b.Context)
	if err := d.Err(); err != nil {
		a.router.Fail(c, err)
		return
	}
	b.Answer = appendDecision(b.Answer, f, d)
	rest.SendStale(c, a.Flags.Staleness())
	a.router.SendJSON(c, b.Answer)
}

// bulk evaluates all flags on one snapshot, in the order of their names; those that cannot
// be read come last, as errors.
func (a *API) bulk(c *gin.Context, _ *rest.Input) {
	a.router.SendRevision(c)
	wanted := snapshotWanted(c.Request.URL)
	epoch := a.Feed.Position().Epoch // before the snapshot, which may be newer
	s, b, err := a.load(c, wanted)
	defer a.bodies.Put(b)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	h := c.Writer.Header()
	h["Cache-Control"] = []string{"private, no-cache"}
	ctx := c.Request.Context()
	pass, err := a.Passes.Pass(ctx, rest.CallerOf(ctx), s.Environment())
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	current := bulkTag(epoch, s, b.Bytes(), pass)
	h["Etag"] = []string{current}
	rest.SendStale(c, a.Flags.Staleness())
	if wanted <= s.Revision() && b.waited == 0 && rest.UnchangedLenient(c.Request.Header["If-None-Match"], current) {
		c.Status(http.StatusNotModified)
		return
	}
	out := a.router.Chunks(c)
	if b.Answer, err = appendBulk(b.Answer, s, b, &out); err != nil {
		a.router.FailChunks(c, &out, err)
		return
	}
	b.Answer = append(appendStreams(b.Answer, pass), '}')
	out.End(b.Answer)
}

// load reads the body and loads the snapshot: the first of at least that revision, if it
// comes in time.
func (a *API) load(c *gin.Context, revision int64) (*flagapp.Snapshot, *body, error) {
	b, err := a.readBody(c)
	if err != nil {
		return nil, b, err
	}
	if b.NotObject {
		return nil, b, flag.ErrInvalidContext
	}
	environment, err := a.environmentOf(c)
	if err != nil {
		return nil, b, err
	}
	caller := rest.CallerOf(c.Request.Context())
	s, err := a.Flags.Snapshot(c.Request.Context(), caller, environment)
	if err != nil || s.Revision() >= revision {
		return s, b, err
	}
	b.waited = revision
	ctx, cancel := context.WithTimeout(c.Request.Context(), maxSnapshotWait)
	defer cancel()
	s, err = a.Flags.SnapshotAt(ctx, caller, environment, revision)
	return s, b, err
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
