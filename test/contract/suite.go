package contract

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Without names behaviours that an adapter does not keep, each with the reason.
type Without map[string]string

// WithoutCommits are the behaviours that a store in memory does not have.
func WithoutCommits() Without {
	const reason = "memory has no commit that could fail after the statements succeeded"
	return Without{
		"a commit that fails is an error, and stores and marks nothing":            reason,
		"a commit of several that fails is an error, and stores and marks nothing": reason,
	}
}

// behaviour is one thing that a port promises.
type behaviour[T any] struct {
	name  string
	check func(t *testing.T, subject T)
}

// run tests an adapter against a suite. An opt-out without a behaviour or a reason fails.
func run[T any](t *testing.T, suite []behaviour[T], fresh func(*testing.T) T, without Without) {
	t.Helper()
	if err := check(without, suite); err != nil {
		t.Error(err)
	}
	for _, b := range suite {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			if reason, left := without[b.name]; left {
				t.Skip("left out: " + reason)
			}
			b.check(t, fresh(t))
		})
	}
}

// check returns the error of the opt-outs from a suite.
func check[T any](without Without, suite []behaviour[T]) error {
	for name, reason := range without {
		switch {
		case !slices.ContainsFunc(suite, func(b behaviour[T]) bool { return b.name == name }):
			return fmt.Errorf("the opt-out %q names no behaviour of this port", name)
		case strings.TrimSpace(reason) == "":
			return fmt.Errorf("the opt-out %q has no reason", name)
		}
	}
	return nil
}

// Behaviours lists what every port promises, by port, as "port: behaviour".
func Behaviours() []string {
	return slices.Concat(
		names("configuration.Repository and History", repositorySuite()),
		names("flag.Repository, History and Source", flagsSuite()),
		names("access.Keys", keysSuite()),
		names("access.KeyChanges", keyChangesSuite()),
		names("access.KeyUses", keyUsesSuite()),
		names("trust.Store", trustSuite()),
		names("trust.Verifier", verifierSuite()),
		names("ports.AuditTrail", auditTrailSuite()),
		names("ports.AuditBacklog", backlogSuite()),
		names("configuration.Vault", vaultSuite()),
		names("registry.Repository, History and Source", servicesSuite()),
		names("registry.Leases", leasesSuite()),
		names("registry.Readings", readingsSuite()),
		names("registry.Members", membersSuite()),
		names("registry.Directory", directorySuite()),
		names("health.Prober", proberSuite()),
		names("ports.Cipher", cipherSuite()),
		names("ports.KeyRing", keyRingSuite()),
		names("ports.Feed", feedSuite()),
		names("ports.Deliveries", deliveriesSuite()),
		names("ports.Leadership", leadershipSuite()),
		names("ports.Publisher", publisherSuite()),
		names("ports.Replicas", replicasSuite()),
		names("ports.LimitClaims", limitClaimsSuite()),
		names("ports.LocalCache", localCacheSuite()),
		names("ports.SharedCache", sharedCacheSuite()),
		names("ports.Clock", clockSuite()),
		names("ports.IDs", idsSuite()),
		names("ports.Stopwatch", stopwatchSuite()),
		names("ports.Backoff", backoffSuite()),
	)
}

func names[T any](port string, suite []behaviour[T]) []string {
	list := make([]string, len(suite))
	for i, b := range suite {
		list[i] = port + ": " + b.name
	}
	return list
}
