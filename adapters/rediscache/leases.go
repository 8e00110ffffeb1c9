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

// errAnswer is an answer that no script of ours gives.
var errAnswer = errors.New("it answered what no script of ours does")

// member names an instance in sorted sets. None of the names holds a slash.
func member(k registry.Key) string {
	return k.Service.String() + "/" + k.Environment.String() + "/" + k.Instance.String()
}

// parseMember is the inverse of member; another answer is an error.
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
func head(k registry.Key, epoch registry.Epoch, url string) (string, error) {
	text, err := json.Marshal(struct {
		InstanceID string `json:"instance_id"`
		URL        string `json:"url"`
		LeaseEpoch int64  `json:"lease_epoch"`
	}{k.Instance.String(), url, int64(epoch)})
	if err != nil {
		return "", errors.Join(errAnswer, err)
	}
	return strings.TrimSuffix(string(text), "}") + ",", nil
}

// Grant begins leases as the grants say.
func (s *Store) Grant(ctx context.Context, grants ...registry.Grant) error {
	space, err := s.space()
	if err != nil {
		return err
	}
	calls := make([]call, len(grants))
	for i, g := range grants {
		first, err := head(g.Key, g.Epoch, g.URL)
		if err != nil {
			return translate(err, "grant leases")
		}
		calls[i] = call{
			script: s.scripts.grant,
			keys:   []string{space.lease(g.Key), space.running(), space.ended()},
			args: []any{
				int64(g.Epoch), g.TTL.Microseconds(), g.Removal.Microseconds(), bit(g.Expired), bit(g.IfAbsent),
				member(g.Key), first, g.Status.String(),
			},
		}
	}
	results := s.runAll(ctx, calls)
	publish(&s.readers, grants, func(g *registry.Grant) registry.Key { return g.Key })
	if err := firstError(results); err != nil {
		return translate(err, "grant leases")
	}
	return refused(grants, results)
}

// refused returns which leases are kept under higher epochs, if any.
func refused(grants []registry.Grant, results []*redis.Cmd) error {
	var kept []registry.LeaseKey
	for i, r := range results {
		if epoch, _ := r.Int64(); epoch > 0 {
			kept = append(kept, registry.LeaseKey{Key: grants[i].Key, Epoch: registry.Epoch(epoch)})
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return &registry.RefusedError{Current: kept}
}

func bit(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

// Renew makes leases run on. Renewals that come at the same time share a pipeline.
func (s *Store) Renew(ctx context.Context, renewals ...registry.Renewal) ([]registry.Renewed, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, translate(err, "renew leases")
	}
	renewed, err := s.batches.do(ctx, renewals)
	if err != nil {
		return nil, translate(err, "renew leases")
	}
	if whole := failsWhole(renewed); whole != nil {
		return nil, whole
	}
	return renewed, nil
}

// failsWhole returns the failure of a call of which every renewal failed, or nil.
func failsWhole(renewed []registry.Renewed) error {
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
		status, reported, taken := observed(&r.Observation)
		calls[i] = call{
			script: s.scripts.renew,
			keys:   []string{space.lease(r.Key), space.running(), space.ended(), space.reading(r.Service.String())},
			args:   []any{int64(r.Epoch), status, reported, taken, member(r.Key)},
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	renewed := make([]registry.Renewed, len(calls))
	for i, r := range s.runAll(ctx, calls) {
		renewed[i] = parseRenewed(r)
	}
	publish(&s.readers, renewals, func(r *registry.Renewal) registry.Key { return r.Key })
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
	answer, err := r.Int64Slice()
	if err == nil && len(answer) != 3 {
		err = errAnswer
	}
	if err != nil {
		return registry.Renewed{Err: translate(err, "renew a lease")}
	}
	return registry.Renewed{
		Outcome: registry.Outcome(answer[0]), //nolint:gosec // 1 to 3, by the script
		TTL:     time.Duration(answer[1]) * time.Microsecond, HadExpired: answer[2] == 1,
	}
}

// observed returns an observation as scripts take it.
func observed(o *registry.Observation) (status, reported, responseTime string) {
	if o.Status != nil {
		status = o.Status.String()
	}
	if o.ResponseTime != nil {
		responseTime = strconv.FormatFloat(*o.ResponseTime, 'g', -1, 64)
	}
	return status, bit(o.Reported), responseTime
}

// Due returns what is due, to one sweeper at a time.
func (s *Store) Due(ctx context.Context, sweeper string, limit int) (registry.DueLeases, error) {
	space, err := s.space()
	if err != nil {
		return registry.DueLeases{}, err
	}
	results := s.runAll(ctx, []call{{
		script: s.scripts.sweep, keys: []string{space.sweeper(), space.running(), space.ended()},
		args: []any{sweeper, registry.ElectionTerm.Microseconds(), limit, space.leases()},
	}})
	answer, err := results[0].Slice()
	if err != nil {
		return registry.DueLeases{}, translate(err, "sweep leases")
	}
	found, strange, err := parseSweep(answer)
	if err == nil && len(strange) > 0 {
		err = s.discard(ctx, space, strange)
	}
	return found, translate(err, "sweep leases")
}

// discard takes what is no lease out of the sorted sets.
func (s *Store) discard(ctx context.Context, space *space, members []any) error {
	pipe := s.client.Pipeline()
	pipe.ZRem(ctx, space.running(), members...)
	pipe.ZRem(ctx, space.ended(), members...)
	_, err := pipe.Exec(ctx)
	return err
}

// parseSweep returns what a sweep found, and the members that name no lease.
func parseSweep(answer []any) (found registry.DueLeases, strange []any, err error) {
	if len(answer) == 1 {
		return found, nil, nil
	}
	if len(answer) != 5 {
		return found, nil, errAnswer
	}
	now, err := instant(answer[1])
	if err != nil {
		return found, nil, err
	}
	found = registry.DueLeases{Elected: true, Now: now, Emptied: answer[2] == ""}
	if !found.Emptied {
		last, err := instant(answer[2])
		if err != nil {
			return registry.DueLeases{}, nil, err
		}
		found.Since = now.Sub(last)
	}
	for _, due := range []struct {
		answer any
		leases *[]registry.Lease
	}{{answer[3], &found.Overdue}, {answer[4], &found.Removable}} {
		var others []any
		if *due.leases, others, err = parseLeases(due.answer); err != nil {
			return registry.DueLeases{}, nil, err
		}
		strange = append(strange, others...)
	}
	return found, strange, nil
}

func instant(v any) (registry.Instant, error) {
	text, _ := v.(string)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errAnswer
	}
	return registry.Instant(n), nil
}

// parseLeases reads members, epochs and scores in turn. Members that name no lease
// are returned apart.
func parseLeases(v any) (leases []registry.Lease, strange []any, err error) {
	list, ok := v.([]any)
	if !ok || len(list)%3 != 0 {
		return nil, nil, errAnswer
	}
	for i := 0; i < len(list); i += 3 {
		epoch, epochErr := instant(list[i+1])
		ends, endsErr := instant(list[i+2])
		key, keyErr := parseMember(list[i])
		if errors.Join(keyErr, epochErr, endsErr) != nil {
			strange = append(strange, list[i])
			continue
		}
		leases = append(leases, registry.Lease{
			LeaseKey: registry.LeaseKey{Key: key, Epoch: registry.Epoch(epoch)}, Ends: ends,
		})
	}
	return leases, strange, nil
}

// Expire records that leases have ended.
func (s *Store) Expire(ctx context.Context, leases ...registry.Lease) ([]bool, error) {
	space, err := s.space()
	if err != nil {
		return nil, err
	}
	calls := make([]call, len(leases))
	for i, l := range leases {
		calls[i] = call{
			script: s.scripts.end, keys: []string{space.lease(l.Key), space.running(), space.ended()},
			args: []any{int64(l.Epoch), int64(l.Ends), member(l.Key)},
		}
	}
	done := make([]bool, len(calls))
	for i, r := range s.runAll(ctx, calls) {
		n, err := r.Int64()
		if err != nil {
			return nil, translate(err, "end leases")
		}
		done[i] = n == 1
	}
	return done, nil
}

// Remove forgets leases and their readings.
func (s *Store) Remove(ctx context.Context, leases ...registry.LeaseKey) error {
	space, err := s.space()
	if err != nil {
		return err
	}
	calls := make([]call, len(leases))
	for i, l := range leases {
		calls[i] = call{
			script: s.scripts.drop, keys: []string{space.lease(l.Key), space.running(), space.ended()},
			args: []any{int64(l.Epoch), member(l.Key)},
		}
	}
	results := s.runAll(ctx, calls)
	publish(&s.readers, leases, func(l *registry.LeaseKey) registry.Key { return l.Key })
	return translate(firstError(results), "drop leases")
}
