package ginapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/application/changefeed"
)

// revisionName is the header that says how far the feed is in an answer.
const revisionName = "Signalbox-Revision"

// revisionHeader is a revision as a header holds it.
type revisionHeader struct {
	revision int64
	value    []string
}

// tellRevision says which revision everything in the answer has at least.
func (a *API) tellRevision(c *gin.Context) {
	at := a.options.Watching.Position().Revision
	header := a.revision.Load()
	if header == nil || header.revision != at {
		header = &revisionHeader{revision: at, value: []string{strconv.FormatInt(at, 10)}}
		a.revision.Store(header)
	}
	c.Writer.Header()[revisionName] = header.value
}

// offerRevision gives a read the parameter min_revision, and reports whether it is
// one. Who watches has since.
func (*API) offerRevision(op *huma.Operation) bool {
	if op.Method != http.MethodGet || !underBase(op.Path) || strings.HasPrefix(op.Path, changesPath) {
		return false
	}
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: "min_revision", In: inQuery, Schema: between(0, maxVersion),
		Description: "Answer with nothing older than this revision of the feed: waits up to two seconds, else 412",
	})
	return true
}

// reach waits until the answer has the revision that is asked for.
func (a *API) reach(c *gin.Context, in input) error {
	if !in.given("min_revision") {
		return nil
	}
	wanted, err := readWhole(in, "min_revision", 0, maxVersion)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), maxCatchUp)
	defer cancel()
	if a.options.Watching.Await(ctx, wanted) != nil {
		return changefeed.ErrNotReached.WithDetail("current_revision", a.options.Watching.Position().Revision)
	}
	a.tellRevision(c)
	return nil
}
