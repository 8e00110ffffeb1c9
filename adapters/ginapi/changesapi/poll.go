package changesapi

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

const (
	// DefaultWait and maxWait bound a long poll.
	defaultWait, maxWait = 30 * time.Second, 60 * time.Second
	defaultWatchLimit    = 100
	maxWatchLimit        = 1000
)

// watchQuery is the request of a watcher.
type watchQuery struct {
	// watch is opened by readWatch and closed by its caller.
	watch *changefeed.Watch
	epoch string
	since int64
	limit int
	wait  time.Duration
	// lost says that the watcher does not know what it has missed, fresh that it names
	// no place at all.
	lost, fresh bool
}

// readWatch understands what both ways of watching share, and names every part at
// fault.
func (a *API) readWatch(c *gin.Context, in *rest.Input) (watchQuery, error) {
	now := a.Feed.Position()
	// Without an epoch the revision is one of the present: it is compared below, and may
	// be another one by the time that changes are read.
	query := watchQuery{epoch: cmp.Or(in.Query("epoch"), now.Epoch), since: now.Revision, limit: defaultWatchLimit}
	var sinceErr, limitErr, waitErr, epochErr error
	if in.Given("since") {
		query.since, sinceErr = in.Int("since", 0, rest.MaxVersion)
	} else if in.Given("epoch") {
		epochErr = fault.Bad("epoch", "needs since beside it")
	}
	if in.Given("limit") {
		var limit int64
		limit, limitErr = in.Int("limit", 1, maxWatchLimit)
		query.limit = int(limit)
	}
	query.wait, waitErr = readWait(in)
	filter, filterErr := a.readFilter(in)
	if err := fault.Merge(sinceErr, limitErr, waitErr, epochErr, filterErr); err != nil {
		return watchQuery{}, err
	}
	watch, err := a.Feed.Watch(rest.CallerOf(c.Request.Context()), filter)
	if err != nil {
		return watchQuery{}, err
	}
	query.watch = watch
	return query, nil
}

func readWait(in *rest.Input) (time.Duration, error) {
	if !in.Given("wait") {
		return defaultWait, nil
	}
	text := in.Query("wait")
	wait, err := time.ParseDuration(text)
	if seconds, numberErr := strconv.Atoi(text); numberErr == nil {
		wait, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || wait < 0 || wait > maxWait {
		return 0, fault.Bad("wait", "must be a duration from 0s to 60s, such as 30s")
	}
	return wait, nil
}

func (a *API) readFilter(in *rest.Input) (changefeed.Filter, error) {
	f := changefeed.Filter{
		Environment: in.Query("environment"), ServiceName: in.Query("service_name"),
		ResourceType: in.Query("type"),
	}
	for _, name := range []string{"environment", "service_name", "type"} {
		if in.Given(name) && in.Query(name) == "" {
			return f, fault.Bad(name, "may not be empty")
		}
	}
	if in.Given("environment") {
		if _, err := a.Environments.Parse(f.Environment); err != nil {
			return f, err
		}
	}
	if in.Given("service_name") {
		if _, err := scope.ParseServiceName(f.ServiceName); err != nil {
			return f, err
		}
	}
	return f, a.Feed.CheckFilter(f)
}

// changes answers a long poll.
func (a *API) changes(c *gin.Context, in *rest.Input) {
	query, err := a.readWatch(c, in)
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	defer query.watch.Close()
	// The wait is shortened by a random part, so that clients that began together spread.
	wait := query.wait - rand.N(query.wait/10+1) //nolint:gosec // jitter needs no secure randomness
	if err := a.checkPosition(rest.WithoutDeadline(c), query); err != nil {
		a.router.Fail(c, err)
		return
	}
	ctx, cancel := context.WithTimeout(rest.WithoutDeadline(c), max(wait, rest.MaxCatchUp))
	defer cancel()
	session, err := a.Sessions.Open(ctx, rest.CallerOf(c.Request.Context()))
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	defer session.Close()
	rest.Opened(c)
	rest.ExtendDeadlines(c, max(wait, rest.MaxCatchUp)+rest.StreamWriteTimeout)
	list, upTo, err := a.awaitChanges(ctx, session, query, wait)
	if ended := session.Check(); ended != nil {
		err = ended
	}
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	a.router.SendJSON(c, appendChanges(nil, query.epoch, upTo, list))
}

// checkPosition makes sure that the feed can be read from the position of the query.
func (a *API) checkPosition(ctx context.Context, query watchQuery) error {
	ctx, cancel := context.WithTimeout(ctx, rest.MaxCatchUp)
	defer cancel()
	return a.Feed.Check(ctx, query.epoch, query.since)
}

// awaitChanges returns the next changes, or the position reached when the wait ends. The
// wait also ends when the server stops or the session ends.
func (a *API) awaitChanges(
	ctx context.Context, session *accessapp.Session, query watchQuery, wait time.Duration,
) ([]*changefeed.Notification, int64, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for ended := false; ; {
		list, upTo, err := a.readAvailable(ctx, query)
		if err != nil || len(list) > 0 || ended || ctx.Err() != nil {
			return list, upTo, err
		}
		query.since = upTo
		select {
		case <-query.watch.Notified():
		case <-over.C:
			ended = true
		case <-a.router.Stopping():
			ended = true
		case <-session.Ended():
			ended = true
		case <-ctx.Done():
			ended = true
		}
	}
}

// readAvailable returns the next changes and the position read. Without a change it reads
// up to the replica's position, or until the server stops or ctx ends. A deadline is no
// error.
func (a *API) readAvailable(ctx context.Context, query watchQuery) ([]*changefeed.Notification, int64, error) {
	for {
		list, upTo, err := query.watch.Since(ctx, query.since, query.limit)
		now := a.Feed.Position()
		switch {
		case now.Epoch != query.epoch:
			return nil, 0, a.Feed.Check(ctx, query.epoch, query.since)
		case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, query.since, nil
		case err != nil, len(list) > 0, upTo >= now.Revision, ctx.Err() != nil, a.router.IsStopping():
			return list, upTo, err
		}
		query.since = upTo
	}
}
