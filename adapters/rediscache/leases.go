package rediscache

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

var _ registry.Leases = (*Store)(nil)

// errReply is a reply that no script of this package returns.
var errReply = errors.New("unexpected reply of a script")

// member names an instance in sorted sets. None of its parts contains a slash.
func member(k registry.Key) string {
	return k.Service.String() + "/" + k.Environment.String() + "/" + k.Instance.String()
}

// parseMember is the inverse of member.
func parseMember(v any) (registry.Key, error) {
	text, _ := v.(string)
	service, rest, _ := strings.Cut(text, "/")
	environment, instance, _ := strings.Cut(rest, "/")
	var k registry.Key
	var nameErr, envErr, idErr error
	k.Service, nameErr = scope.ParseServiceName(service)
	k.Environment, envErr = scope.ParseEnvironment(environment)
	k.Instance, idErr = registry.ParseInstanceID(instance)
	return k, errors.Join(nameErr, envErr, idErr)
}

// head is the part of an instance's JSON that observations do not change.
func head(i registry.Ref, epoch registry.Epoch, url string) (string, error) {
	text, err := json.Marshal(struct {
		InstanceID string `json:"instance_id"`
		URL        string `json:"url"`
		LeaseEpoch int64  `json:"lease_epoch"`
	}{i.Instance.String(), url, int64(epoch)})
	if err != nil {
		return "", errors.Join(errReply, err)
	}
	return strings.TrimSuffix(string(text), "}") + ",", nil
}

// Grant begins leases.
func (s *Store) Grant(ctx context.Context, grants ...registry.Grant) error {
	space, err := s.space()
	if err != nil {
		return err
	}
	calls := make([]call, len(grants))
	for i, g := range grants {
		first, err := head(g.Ref, g.Epoch, g.URL)
		if err != nil {
			return translate(err, "grant leases")
		}
		calls[i] = call{
			script: s.scripts.grant,
			keys:   []string{space.lease(g.Key), space.running(), space.expired()},
			args: []any{
				int64(g.Epoch), g.TTL.Microseconds(), g.Removal.Microseconds(), bit(g.Expired), bit(g.IfAbsent),
				member(g.Key), first, g.Status.String(),
			},
		}
	}
	results := s.runAll(ctx, calls)
	markOutdated(&s.projection, grants, func(g *registry.Grant) registry.Key { return g.Key })
	if err := firstError(results); err != nil {
		return translate(err, "grant leases")
	}
	return refused(grants, results)
}

// refused returns a RefusedError where leases are stored under higher epochs.
func refused(grants []registry.Grant, results []*redis.Cmd) error {
	var current []registry.LeaseKey
	for i, r := range results {
		if epoch, _ := r.Int64(); epoch > 0 {
			current = append(current, registry.LeaseKey{Key: grants[i].Key, Epoch: registry.Epoch(epoch)})
		}
	}
	if len(current) == 0 {
		return nil
	}
	return &registry.RefusedError{Current: current}
}

func bit(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

// Renew extends leases. Concurrent renewals share a pipeline.
func (s *Store) Renew(ctx context.Context, renewals ...registry.Renewal) ([]registry.Renewed, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, translate(err, "renew leases")
	}
	renewed, err := s.batches.do(ctx, renewals)
	if err != nil {
		return nil, translate(err, "renew leases")
	}
	if err := commonFailure(renewed); err != nil {
		return nil, err
	}
	return renewed, nil
}

// commonFailure returns the failure of a call of which every renewal failed, or nil.
func commonFailure(renewed []registry.Renewed) error {
	for i := range renewed {
		if renewed[i].Err == nil {
			return nil
		}
	}
	if len(renewed) == 0 {
		return nil
	}
	return renewed[0].Err
}

func (s *Store) renewAll(renewals []registry.Renewal) []registry.Renewed {
	space, err := s.space()
	if err != nil {
		return failedRenewals(len(renewals), err)
	}
	calls := make([]call, len(renewals))
	for i := range renewals {
		r := &renewals[i]
		status, reported, responseTime := observed(&r.Observation)
		calls[i] = call{
			script: s.scripts.renew,
			keys:   []string{space.lease(r.Key), space.running(), space.expired(), space.reading(r.Service.String())},
			args:   []any{int64(r.Epoch), status, reported, responseTime, member(r.Key)},
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	renewed := make([]registry.Renewed, len(calls))
	for i, r := range s.runAll(ctx, calls) {
		renewed[i] = parseRenewed(r)
	}
	markOutdated(&s.projection, renewals, func(r *registry.Renewal) registry.Key { return r.Key })
	return renewed
}

func failedRenewals(n int, err error) []registry.Renewed {
	renewed := make([]registry.Renewed, n)
	for i := range renewed {
		renewed[i].Err = err
	}
	return renewed
}

func parseRenewed(r *redis.Cmd) registry.Renewed {
	reply, err := r.Int64Slice()
	if err == nil && len(reply) != 3 {
		err = errReply
	}
	if err != nil {
		return registry.Renewed{Err: translate(err, "renew a lease")}
	}
	return registry.Renewed{
		Outcome: registry.Outcome(reply[0]), //nolint:gosec // 1 to 3, by the script
		TTL:     time.Duration(reply[1]) * time.Microsecond, HadExpired: reply[2] == 1,
	}
}

// observed returns an observation as arguments of scripts.
func observed(o *registry.Observation) (status, reported, responseTime string) {
	if o.Status != nil {
		status = o.Status.String()
	}
	if o.ResponseTime != nil {
		responseTime = strconv.FormatFloat(*o.ResponseTime, 'g', -1, 64)
	}
	return status, bit(o.Reported), responseTime
}

// Due returns the leases that are due, to one replica at a time.
func (s *Store) Due(ctx context.Context, replica string, limit int) (registry.DueLeases, error) {
	space, err := s.space()
	if err != nil {
		return registry.DueLeases{}, err
	}
	results := s.runAll(ctx, []call{{
		script: s.scripts.due, keys: []string{space.election(), space.running(), space.expired()},
		args: []any{replica, registry.ElectionTerm.Microseconds(), limit, space.leases()},
	}})
	reply, err := results[0].Slice()
	if err != nil {
		return registry.DueLeases{}, translate(err, "read due leases")
	}
	found, invalid, err := parseDue(reply)
	if err == nil && len(invalid) > 0 {
		err = s.removeInvalid(ctx, space, invalid)
	}
	return found, translate(err, "read due leases")
}

// removeInvalid removes members that name no lease from the sorted sets.
func (s *Store) removeInvalid(ctx context.Context, space *space, members []any) error {
	pipe := s.client.Pipeline()
	pipe.ZRem(ctx, space.running(), members...)
	pipe.ZRem(ctx, space.expired(), members...)
	_, err := pipe.Exec(ctx)
	return err
}

// parseDue returns the due leases, and the members that name no lease.
func parseDue(reply []any) (found registry.DueLeases, invalid []any, err error) {
	if len(reply) == 1 {
		return found, nil, nil
	}
	if len(reply) != 5 {
		return found, nil, errReply
	}
	now, err := instant(reply[1])
	if err != nil {
		return found, nil, err
	}
	found = registry.DueLeases{Elected: true, Now: now, Emptied: reply[2] == ""}
	if !found.Emptied {
		last, err := instant(reply[2])
		if err != nil {
			return registry.DueLeases{}, nil, err
		}
		found.Since = now.Sub(last)
	}
	for _, due := range []struct {
		reply  any
		leases *[]registry.Lease
	}{{reply[3], &found.Overdue}, {reply[4], &found.Removable}} {
		var others []any
		if *due.leases, others, err = parseLeases(due.reply); err != nil {
			return registry.DueLeases{}, nil, err
		}
		invalid = append(invalid, others...)
	}
	return found, invalid, nil
}

func instant(v any) (registry.Instant, error) {
	text, _ := v.(string)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errReply
	}
	return registry.Instant(n), nil
}

// parseLeases reads alternating members, epochs and scores. Members that name no lease
// are returned separately.
func parseLeases(v any) (leases []registry.Lease, invalid []any, err error) {
	list, ok := v.([]any)
	if !ok || len(list)%3 != 0 {
		return nil, nil, errReply
	}
	for i := 0; i < len(list); i += 3 {
		epoch, epochErr := instant(list[i+1])
		ends, endsErr := instant(list[i+2])
		key, keyErr := parseMember(list[i])
		if errors.Join(keyErr, epochErr, endsErr) != nil {
			invalid = append(invalid, list[i])
			continue
		}
		leases = append(leases, registry.Lease{
			LeaseKey: registry.LeaseKey{Key: key, Epoch: registry.Epoch(epoch)}, Ends: ends,
		})
	}
	return leases, invalid, nil
}

// Expire records that leases have expired.
func (s *Store) Expire(ctx context.Context, leases ...registry.Lease) ([]bool, error) {
	space, err := s.space()
	if err != nil {
		return nil, err
	}
	calls := make([]call, len(leases))
	for i, l := range leases {
		calls[i] = call{
			script: s.scripts.expire, keys: []string{space.lease(l.Key), space.running(), space.expired()},
			args: []any{int64(l.Epoch), int64(l.Ends), member(l.Key)},
		}
	}
	done := make([]bool, len(calls))
	for i, r := range s.runAll(ctx, calls) {
		n, err := r.Int64()
		if err != nil {
			return nil, translate(err, "expire leases")
		}
		done[i] = n == 1
	}
	return done, nil
}

// Remove removes leases and their readings.
func (s *Store) Remove(ctx context.Context, leases ...registry.LeaseKey) error {
	space, err := s.space()
	if err != nil {
		return err
	}
	calls := make([]call, len(leases))
	for i, l := range leases {
		calls[i] = call{
			script: s.scripts.remove, keys: []string{space.lease(l.Key), space.running(), space.expired()},
			args: []any{int64(l.Epoch), member(l.Key)},
		}
	}
	results := s.runAll(ctx, calls)
	markOutdated(&s.projection, leases, func(l *registry.LeaseKey) registry.Key { return l.Key })
	return translate(firstError(results), "remove leases")
}
