package rediscache

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

var _ registry.Leases = (*Store)(nil)

// errAnswer is an answer that no script of ours gives.
var errAnswer = errors.New("it answered what no script of ours does")

func (s *Store) running() string { return s.prefix + "registry:running" }

func (s *Store) ended() string { return s.prefix + "registry:ended" }

func (s *Store) leasePrefix() string { return s.prefix + "registry:lease:" }

// member names an instance in sorted sets. Neither name holds a slash.
func member(k registry.Key) string { return k.Service.String() + "/" + k.Instance.String() }

func (s *Store) lease(k registry.Key) string { return s.leasePrefix() + member(k) }

func (s *Store) instances(name scope.ServiceName) string {
	return s.prefix + "service:" + name.String() + ":instances"
}

func (s *Store) reading(service string) string { return s.prefix + "registry:reading:" + service }

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
	calls := make([]call, len(grants))
	for i, g := range grants {
		first, err := head(g.Key, g.Epoch, g.URL)
		if err != nil {
			return translate(err, "grant leases")
		}
		calls[i] = call{
			script: s.scripts.grant,
			keys:   []string{s.lease(g.Key), s.running(), s.ended(), s.instances(g.Service)},
			args: []any{
				int64(g.Epoch), g.TTL.Microseconds(), g.Removal.Microseconds(), bit(g.Ended), bit(g.Keep),
				member(g.Key), g.Instance.String(), first, g.Status.String(),
			},
		}
	}
	_, err := s.runAll(ctx, calls)
	return translate(err, "grant leases")
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
	return renewed, translate(err, "renew leases")
}

func (s *Store) renewAll(renewals []registry.Renewal) ([]registry.Renewed, error) {
	calls := make([]call, len(renewals))
	for i := range renewals {
		r := &renewals[i]
		status, reported, taken := observed(&r.Observation)
		calls[i] = call{
			script: s.scripts.renew,
			keys: []string{
				s.lease(r.Key), s.running(), s.ended(), s.instances(r.Service), s.reading(r.Service.String()),
			},
			args: []any{int64(r.Epoch), status, reported, taken, member(r.Key), r.Instance.String()},
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	results, err := s.runAll(ctx, calls)
	if err != nil {
		return nil, err
	}
	renewed := make([]registry.Renewed, len(results))
	for i, r := range results {
		answer, err := r.Int64Slice()
		if err != nil || len(answer) != 3 {
			return nil, errAnswer
		}
		renewed[i] = registry.Renewed{
			Outcome: registry.Outcome(answer[0]), //nolint:gosec // 1 to 3, by the script
			TTL:     time.Duration(answer[1]) * time.Microsecond, HadEnded: answer[2] == 1,
		}
	}
	return renewed, nil
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

// Sweep returns what is due, to one sweeper at a time.
func (s *Store) Sweep(ctx context.Context, sweeper string, limit int) (registry.Sweep, error) {
	results, err := s.runAll(ctx, []call{{
		script: s.scripts.sweep, keys: []string{s.prefix + "registry:sweeper", s.running(), s.ended()},
		args: []any{sweeper, registry.SweepTerm.Microseconds(), limit, s.leasePrefix()},
	}})
	if err != nil {
		return registry.Sweep{}, translate(err, "sweep leases")
	}
	answer, err := results[0].Slice()
	if err != nil {
		return registry.Sweep{}, translate(err, "sweep leases")
	}
	found, err := parseSweep(answer)
	return found, translate(err, "sweep leases")
}

func parseSweep(answer []any) (registry.Sweep, error) {
	if len(answer) == 1 {
		return registry.Sweep{}, nil
	}
	if len(answer) != 5 {
		return registry.Sweep{}, errAnswer
	}
	now, err := instant(answer[1])
	if err != nil {
		return registry.Sweep{}, err
	}
	found := registry.Sweep{Turn: true, Now: now, Fresh: answer[2] == ""}
	if !found.Fresh {
		last, err := instant(answer[2])
		if err != nil {
			return registry.Sweep{}, err
		}
		found.Since = now.Sub(last)
	}
	if found.Overdue, err = parseLeases(answer[3]); err != nil {
		return registry.Sweep{}, err
	}
	found.Removable, err = parseLeases(answer[4])
	return found, err
}

func instant(v any) (registry.Instant, error) {
	text, _ := v.(string)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errAnswer
	}
	return registry.Instant(n), nil
}

// parseLeases reads members, epochs and scores in turn.
func parseLeases(v any) ([]registry.Lease, error) {
	list, ok := v.([]any)
	if !ok || len(list)%3 != 0 {
		return nil, errAnswer
	}
	var leases []registry.Lease
	for i := 0; i < len(list); i += 3 {
		name, _ := list[i].(string)
		service, instance, _ := strings.Cut(name, "/")
		var l registry.Lease
		var nameErr, idErr, endsErr error
		l.Service, nameErr = scope.ParseServiceName(service)
		l.Instance, idErr = registry.ParseInstanceID(instance)
		epoch, epochErr := instant(list[i+1])
		l.Ends, endsErr = instant(list[i+2])
		if err := errors.Join(nameErr, idErr, epochErr, endsErr); err != nil {
			return nil, errAnswer
		}
		l.Epoch = registry.Epoch(epoch)
		leases = append(leases, l)
	}
	return leases, nil
}

// End records that leases have ended.
func (s *Store) End(ctx context.Context, leases ...registry.Lease) ([]bool, error) {
	calls := make([]call, len(leases))
	for i, l := range leases {
		calls[i] = call{
			script: s.scripts.end, keys: []string{s.lease(l.Key), s.running(), s.ended()},
			args: []any{int64(l.Epoch), int64(l.Ends), member(l.Key)},
		}
	}
	results, err := s.runAll(ctx, calls)
	if err != nil {
		return nil, translate(err, "end leases")
	}
	done := make([]bool, len(results))
	for i, r := range results {
		n, err := r.Int64()
		if err != nil {
			return nil, translate(err, "end leases")
		}
		done[i] = n == 1
	}
	return done, nil
}

// Drop forgets leases and their readings.
func (s *Store) Drop(ctx context.Context, leases ...registry.Held) error {
	calls := make([]call, len(leases))
	for i, l := range leases {
		calls[i] = call{
			script: s.scripts.drop, keys: []string{s.lease(l.Key), s.running(), s.ended(), s.instances(l.Service)},
			args: []any{int64(l.Epoch), member(l.Key), l.Instance.String()},
		}
	}
	_, err := s.runAll(ctx, calls)
	return translate(err, "drop leases")
}
