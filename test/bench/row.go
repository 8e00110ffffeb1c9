package main

import (
	"context"
	"fmt"
	"slices"
)

// row is one line of the table.
type row struct {
	name    string
	unit    string
	goal    goal
	measure func(context.Context, *bench) (outcome, error)
}

// rows returns every row, in the order of the table.
func rows() []row {
	return []row{
		{name: "write-sqlite", unit: "writes/s", goal: goal{of: ofRatio, atLeast: 0.5}, measure: writeSQLite(alone)},
		{name: "write-postgres", unit: "writes/s", goal: goal{of: ofRatio, atLeast: 0.5}, measure: writePostgres(alone)},
		{name: "write-sqlite-all", unit: "writes/s", goal: goal{of: ofRatio, atLeast: 0.45}, measure: writeSQLite(everything)},
		{name: "write-postgres-all", unit: "writes/s", goal: goal{of: ofRatio, atLeast: 0.45}, measure: writePostgres(everything)},
		{name: "config-read-hot", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.85}, measure: readHot},
		{name: "config-read-304", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.9}, measure: readUnchanged},
		{name: "auth-overhead", unit: "% of CPU", goal: goal{of: ofValue, atMost: 6}, measure: authOverhead()},
		{name: "auth-overhead-limits", unit: "% of CPU", measure: authOverhead(
			"RATE_LIMIT_KEY_PER_SECOND=1000000", "RATE_LIMIT_ADDRESS_PER_SECOND=1000000")},
		{name: "relay-kfake", unit: "events/s", goal: goal{of: ofValue, atLeast: 10_000}, measure: relayTo(openFake)},
		{name: "relay-kafka", unit: "events/s", goal: goal{of: ofValue, atLeast: 5000}, measure: relayTo(openKafka)},
		{name: "commit-to-ack", unit: "ms p99", goal: goal{of: ofValue, atMost: 250}, measure: commitToAck},
		{name: "write-to-visible", unit: "ms p99", goal: goal{of: ofValue, atMost: 250}, measure: writeToVisible},
		{name: "watch-5000-memory", unit: "MiB", goal: goal{of: ofValue, atMost: 200}, measure: watchMemory},
		{name: "watch-5000-delivery", unit: "ms", goal: goal{of: ofValue, atMost: 250}, measure: watchDelivery},
		{name: "eval-static", unit: "ns", goal: goal{of: ofValue, atMost: 300}, measure: evalStatic},
		{name: "eval-target", unit: "ns", goal: goal{of: ofValue, atMost: 300}, measure: evalTarget},
		{name: "eval-rules-5", unit: "ns", goal: goal{of: ofValue, atMost: 1500}, measure: evalRules},
		{name: "flag-evaluate", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.85}, measure: flagEvaluate},
		{name: "ofrep-single", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.85}, measure: ofrepSingle},
		{name: "ofrep-bulk-350", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.35}, measure: ofrepBulk},
		{name: "ofrep-bulk-304", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.4}, measure: ofrepUnchanged},
		{name: "snapshot-10k-memory", unit: "MiB", goal: goal{of: ofValue, atMost: 60}, measure: snapshotMemory},
		{name: "snapshot-10k-compile", unit: "ms", goal: goal{of: ofValue, atMost: 500}, measure: snapshotCompile},
		{name: "heartbeat", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.7}, measure: heartbeat},
		{name: "heartbeat-redis", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.35}, measure: heartbeatRedis},
		{name: "heartbeats-1000", unit: "beats/s", goal: goal{of: ofRatio, atLeast: 0.5}, measure: heartbeatsInBatches},
		{name: "discover", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.85}, measure: discover},
		{name: "expire-10k-pause", unit: "ms", goal: goal{of: ofValue, atMost: 50}, measure: expirePause},
		{name: "expire-10k-heartbeats", unit: "µs p99", goal: goal{of: ofRatio, atLeast: 0.5}, measure: expireHeartbeats(atOnce)},
		{name: "expire-10k-paced", unit: "µs p99", goal: goal{of: ofRatio, atLeast: 0.5}, measure: expireHeartbeats(atPace)},
		{name: "registry-10k", unit: "MiB", goal: goal{of: ofValue, atMost: 40}, measure: registryMemory},
		{name: "audit-verify", unit: "entries/s", goal: goal{of: ofValue, atLeast: 50_000}, measure: auditVerify},
		{name: "rotate", unit: "values/s", goal: goal{of: ofValue, atLeast: 5000}, measure: rotate},
		{name: "overload-goodput", unit: "req/s", goal: goal{of: ofRatio, atLeast: 0.8}, measure: overloadGoodput},
		{name: "overload-noisy-key", unit: "µs p99", goal: goal{of: ofRatio, atLeast: 0.5}, measure: overloadNoisyKey},
		{name: "overload-wrong-keys", unit: "µs p50", goal: goal{of: ofRatio, atLeast: 0.83}, measure: overloadWrongKeys},
		{name: "idle-rss", unit: "MiB", goal: goal{of: ofValue, atMost: 40}, measure: idleRSS},
		{name: "ready", unit: "ms", goal: goal{of: ofValue, atMost: 300}, measure: ready},
	}
}

// result is a row as it is printed.
func (r row) result(o outcome) result {
	return result{
		Name: r.name, Value: o.value, Unit: r.unit, Ceiling: o.ceiling, Ratio: o.ratio,
		Goal: r.goal.String(), met: r.goal.metBy(o),
	}
}

// outcome has the measured figures of a row. Rows without a ceiling have no ratio.
type outcome struct {
	value   float64
	ceiling *float64
	ratio   *float64
}

// Figures that a goal may bound.
const (
	ofValue = "value"
	ofRatio = "ratio"
)

// goal is a bound of a figure; the zero value is no goal.
type goal struct {
	of      string
	atLeast float64
	atMost  float64
}

// String returns the goal as the table shows it.
func (g goal) String() string {
	switch g.of {
	case "":
		return "shown"
	case ofRatio:
		return fmt.Sprintf("ratio ≥ %g", g.atLeast)
	}
	if g.atLeast > 0 {
		return fmt.Sprintf("≥ %g", g.atLeast)
	}
	return fmt.Sprintf("≤ %g", g.atMost)
}

// metBy returns "yes", "no", or "" without a goal.
func (g goal) metBy(o outcome) string {
	var met bool
	switch {
	case g.of == "":
		return ""
	case g.of == ofRatio:
		met = o.ratio != nil && *o.ratio >= g.atLeast
	case g.atLeast > 0:
		met = o.value >= g.atLeast
	default:
		met = o.value <= g.atMost
	}
	if met {
		return "yes"
	}
	return "no"
}

// contest measures the service and its ceiling alternately.
type contest struct {
	ours    func(ctx context.Context, round int) (float64, error)
	ceiling func(ctx context.Context, round int) (float64, error)
	// lessIsBetter inverts the ratio, which is 1 if both are alike and less if the service is
	// worse.
	lessIsBetter bool
}

// run alternates which of the two is first, so that a change of the machine's speed favours
// neither, and compares the medians.
func (c contest) run(ctx context.Context, rounds int) (outcome, error) {
	var ours, ceiling []float64
	for round := range rounds {
		first, second := c.ours, c.ceiling
		if round%2 == 1 {
			first, second = second, first
		}
		a, err := first(ctx, round)
		if err != nil {
			return outcome{}, err
		}
		b, err := second(ctx, round)
		if err != nil {
			return outcome{}, err
		}
		if round%2 == 1 {
			a, b = b, a
		}
		ours, ceiling = append(ours, a), append(ceiling, b)
	}
	o, most := median(ours), median(ceiling)
	ratio := o / most
	if c.lessIsBetter {
		ratio = most / o
	}
	return outcome{value: o, ceiling: &most, ratio: &ratio}, nil
}

// median returns the middle of the figures, or the mean of the two middle ones.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// missingError is a dependency of a row that the machine lacks.
type missingError struct{ what string }

// Error names the dependency and how to provide it.
func (e *missingError) Error() string { return e.what }
