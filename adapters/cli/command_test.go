package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/cli"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// recordingProgram records calls and returns its error from each.
type recordingProgram struct {
	// more is how many aggregates are parked that Parked does not return.
	more    int64
	calls   []string
	err     error
	issue   accessapp.Issue
	amend   accessapp.Amend
	issuer  accessapp.Issuer
	binding accessapp.Binding
	// broken is where the audit log is broken.
	broken *audit.Broken
	// start is where the audit log begins; empty says that it has no entries.
	start audit.Head
	empty bool
}

func (p *recordingProgram) record(call string) error {
	p.calls = append(p.calls, call)
	return p.err
}

func (p *recordingProgram) Serve(context.Context) error       { return p.record("serve") }
func (p *recordingProgram) Healthcheck(context.Context) error { return p.record("healthcheck") }
func (p *recordingProgram) Describe(_ io.Writer, document string) error {
	return p.record("describe " + document)
}

func (p *recordingProgram) GenerateKey() (secret.Text, error) {
	return secret.New("a-new-key"), p.record("keygen")
}

func (p *recordingProgram) Database(context.Context, bool) (cli.Database, error) {
	return p, p.record("open")
}
func (p *recordingProgram) Close() error                         { return p.record("close") }
func (p *recordingProgram) Migrate(context.Context) (int, error) { return 2, p.record("migrate") }
func (p *recordingProgram) BeginEpoch(context.Context) (string, error) {
	return "0123456789abcdef", p.record("epoch")
}

func (p *recordingProgram) RelayStatus(context.Context) (relay.Status, error) {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	return relay.Status{
		Epoch: "0123456789abcdef", Head: 9, Published: 7, OldestAge: 1500 * time.Millisecond,
		Topics: []relay.TopicStatus{
			{Topic: "config-updates", AggregateType: "configuration", Published: 9},
			{
				Topic: "feature-flag-updates", AggregateType: "flag", Published: 7, Pending: 2,
				OldestAge: 1500 * time.Millisecond, Reason: "it does not exist", Since: at,
			},
		},
		Parked: 2 + p.more,
	}, p.record("relay status")
}

func (p *recordingProgram) Parked(_ context.Context, after ports.Parked) ([]ports.Parked, error) {
	if after.Revision == 5 {
		return nil, p.record("parked")
	}
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	return []ports.Parked{
		{AggregateType: "configuration", Revision: 3, Key: "production/shop/a", Reason: "too large", At: at},
		{AggregateType: "flag", Revision: 5, Key: "production/b", Reason: "no such topic", At: at, RetryRequested: true},
	}, p.record("parked")
}

func (p *recordingProgram) Retry(_ context.Context, revision int64) error {
	return p.record(fmt.Sprint("retry ", revision))
}

func (p *recordingProgram) Skip(_ context.Context, revision int64) error {
	return p.record(fmt.Sprint("skip ", revision))
}

func (p *recordingProgram) Migrations(context.Context) ([]cli.Migration, error) {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	return []cli.Migration{
		{Version: 1, Name: "first", Applied: true, AppliedAt: at},
		{Version: 2, Name: "second"},
	}, p.record("migrations")
}

func (p *recordingProgram) Issue(_ context.Context, in accessapp.Issue) (accessapp.Issued, error) {
	p.issue = in
	return accessapp.Issued{
		Token: secret.New("sbx_token"), KeyAttributes: access.KeyAttributes{ID: "abcdefgh", Name: in.Name},
	}, p.record("issue")
}

func (p *recordingProgram) Keys(_ context.Context, after string) ([]access.KeyAttributes, error) {
	if after != "" {
		return nil, p.record("keys after " + after)
	}
	return []access.KeyAttributes{{ID: "abcdefgh", Name: "deploy", Grants: []access.Grant{
		{Role: access.RoleAdmin, Reveal: true}, {Role: access.RoleReader, Area: scope.Area{Prefixes: []string{"ui."}}},
	}}}, p.record("keys")
}

func (p *recordingProgram) AuditEntries(_ context.Context, in auditapp.List) ([]auditapp.Shown, error) {
	return []auditapp.Shown{{Entry: audit.Entry{Sequence: 7, Record: audit.Record{
		Action: "flag.write", Outcome: audit.Denied, Count: 3, Source: "192.0.2.1",
		Actor: scope.Actor{KeyID: "abcdefgh", Name: "deploy"}, Resource: audit.Resource{Name: "PUT /x"},
	}}}}, p.record("audit " + in.Outcome)
}

func (p *recordingProgram) VerifyAudit(_ context.Context, from, _ int64) (auditapp.Verified, error) {
	v := auditapp.Verified{From: max(from, 1), To: 5, Next: 6, Broken: p.broken, Start: p.start}
	if from == 6 {
		v.To, v.Next, v.Head = 9, 0, audit.Head{Sequence: 9}
	}
	if p.empty {
		v.From, v.To, v.Next = 1, 0, 0
	}
	return v, p.record(fmt.Sprint("verify ", from))
}

// ExportAudit returns two entries on a page, of three, and one that was added meanwhile.
func (p *recordingProgram) ExportAudit(_ context.Context, from int64) (auditapp.Exported, error) {
	first := max(from, 1)
	out := auditapp.Exported{Before: audit.Head{Sequence: first - 1}, End: audit.Head{Sequence: 3}}
	for n := first; n <= min(first+1, 4); n++ {
		out.Entries = append(out.Entries, audit.Stored{Sequence: n, Canonical: fmt.Appendf(nil, `{"n":%d}`, n)})
	}
	return out, p.record(fmt.Sprint("export ", from))
}

func (p *recordingProgram) PruneAudit(_ context.Context, before time.Time) (auditapp.Pruned, error) {
	n := int64(len(p.calls))
	return auditapp.Pruned{Removed: n, Start: audit.Head{Sequence: n}, More: n < 3}, p.record("prune " + before.String())
}

func (p *recordingProgram) Encryption(context.Context) (configapp.KeyRingStatus, error) {
	return configapp.KeyRingStatus{
		Current: "aa", Keys: []configapp.KeyCount{{Fingerprint: "aa", Values: 1}, {Fingerprint: "bb", Values: 2}}, Unreadable: 3,
		First: "cc", Lacking: []ports.Replica{{ID: "r1", Version: "1.0"}}, Unbound: 4,
	}, p.record("encryption")
}

func (p *recordingProgram) RotateEncryption(
	_ context.Context, after configuration.TokenPlace, limit int,
) (configapp.Rotated, error) {
	r := configapp.Rotated{Current: "aa", Examined: limit, Rotated: 2, Bound: 3, Tampered: 1}
	if after.ID == 0 {
		r.Next = configuration.TokenPlace{Kind: configuration.CurrentToken, ID: 7}
	}
	return r, p.record("rotate encryption")
}

func (p *recordingProgram) RetireEncryption(_ context.Context, fingerprint string) error {
	return p.record("retire " + fingerprint)
}

func (p *recordingProgram) Now() time.Time { return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) }

func (p *recordingProgram) Amend(_ context.Context, in accessapp.Amend) (access.KeyAttributes, error) {
	p.amend = in
	return access.KeyAttributes{ID: in.ID, Name: "deploy"}, p.record("amend")
}

func (p *recordingProgram) Rotate(_ context.Context, id string, overlap time.Duration) (accessapp.Issued, error) {
	return accessapp.Issued{Token: secret.New("sbx_token")}, p.record("rotate " + id + " " + overlap.String())
}

func (p *recordingProgram) Revoke(_ context.Context, id string, force bool) error {
	return p.record(fmt.Sprintf("revoke %s %t", id, force))
}

func run(t *testing.T, p *recordingProgram, args ...string) (output string, err error) {
	t.Helper()
	var out bytes.Buffer
	root := cli.New(p, "v1.2.3")
	root.SetArgs(cli.Arguments(args))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCommands(t *testing.T) {
	t.Parallel()

	t.Run("serve runs the service", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		_, err := run(t, p, "serve")
		require.NoError(t, err)
		assert.Equal(t, []string{"serve"}, p.calls)
	})

	t.Run("version and keygen print one line", func(t *testing.T) {
		t.Parallel()
		out, err := run(t, &recordingProgram{}, "version")
		require.NoError(t, err)
		assert.Equal(t, "signalbox v1.2.3\n", out)
		for _, argument := range []string{"--version", "-version"} {
			out, err = run(t, &recordingProgram{}, argument)
			require.NoError(t, err)
			assert.Equal(t, "signalbox v1.2.3\n", out)
		}
		out, err = run(t, &recordingProgram{}, "keygen")
		require.NoError(t, err)
		assert.Equal(t, "a-new-key\n", out)
	})

	t.Run("key create prints nothing but the key on standard output", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		out, err := run(t, p, "key", "create", "--name", "billing", "--role", "reader", "--reveal", "--expires", "720h")
		require.NoError(t, err)
		assert.Equal(t, "sbx_token\n", out)
		assert.Equal(t, accessapp.Issue{
			Name: "billing", Grants: []accessapp.Grant{{Role: "reader", Reveal: true}}, Lifetime: 720 * time.Hour,
		}, p.issue)
		assert.Equal(t, []string{"open", "issue", "close"}, p.calls)
	})

	t.Run("a key without a name has that of its role", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		_, err := run(t, p, "key", "create", "--role", "admin")
		require.NoError(t, err)
		assert.Equal(t, accessapp.Issue{Name: "admin", Grants: []accessapp.Grant{{Role: "admin"}}}, p.issue)
	})

	t.Run("key create binds an evaluator to an environment", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		_, err := run(t, p, "key", "create", "--name", "web", "--role", "evaluator", "--environment", "production")
		require.NoError(t, err)
		assert.Equal(t, accessapp.Issue{Name: "web", Grants: []accessapp.Grant{{Role: "evaluator", Environments: []string{"production"}}}}, p.issue)
	})

	t.Run("key list prints roles and no secrets", func(t *testing.T) {
		t.Parallel()
		out, err := run(t, &recordingProgram{}, "key", "list")
		require.NoError(t, err)
		assert.Regexp(t, `abcdefgh +deploy +admin\+reader +yes.*-\+ui\.\* +active`, out)
	})

	t.Run("key revoke revokes by id", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		_, err := run(t, p, "key", "revoke", "abcdefgh")
		require.NoError(t, err)
		assert.Contains(t, p.calls, "revoke abcdefgh false")
		_, err = run(t, p, "key", "revoke", "abcdefgh", "--force")
		require.NoError(t, err)
		assert.Contains(t, p.calls, "revoke abcdefgh true")
	})

	t.Run("key create takes further grants, networks, labels and a beginning", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		_, err := run(t, p, "key", "create", "--role", "service", "--service", "shop", "--environment", "production,staging",
			"--grant", "role=editor,reveal,environment=staging,service=shop,prefix=ui.", "--network", "10.0.0.0/8",
			"--label", "team=web", "--not-before", "2030-01-31", "--expires", "never")
		require.NoError(t, err)
		assert.Equal(t, accessapp.Issue{
			Name: "service", Forever: true, NotBefore: time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC),
			Grants: []accessapp.Grant{
				{Role: "service", Services: []string{"shop"}, Environments: []string{"production", "staging"}},
				{
					Role: "editor", Reveal: true, Environments: []string{"staging"}, Services: []string{"shop"},
					Prefixes: []string{"ui."},
				},
			},
			Networks: []string{"10.0.0.0/8"}, Labels: map[string]string{"team": "web"},
		}, p.issue)
		for _, grant := range []string{"", "editor", "role=a,role=b", "role=a,unknown=b", "reveal", "role=a,reveal=no"} {
			_, err := run(t, p, "key", "create", "--grant", grant)
			require.ErrorContains(t, err, "must be such as role=editor", grant)
		}
	})

	t.Run("key update changes what is given", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		_, err := run(t, p, "key", "update", "abcdefgh", "--name", "web")
		require.NoError(t, err)
		assert.Equal(t, accessapp.Amend{ID: "abcdefgh", Name: new("web")}, p.amend)
		_, err = run(t, p, "key", "update", "abcdefgh", "--role", "reader", "--expires", "never", "--network", "", "--force")
		require.NoError(t, err)
		assert.Equal(t, accessapp.Amend{
			ID: "abcdefgh", Grants: new([]accessapp.Grant{{Role: "reader"}}), Expires: new(time.Time{}),
			Networks: new([]string{}), Force: true,
		}, p.amend)
	})

	t.Run("key rotate prints the new key", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		out, err := run(t, p, "key", "rotate", "abcdefgh")
		require.NoError(t, err)
		assert.Equal(t, "sbx_token\n", out)
		_, err = run(t, p, "key", "rotate", "abcdefgh", "--overlap", "0")
		require.NoError(t, err)
		assert.Subset(t, p.calls, []string{"rotate abcdefgh 1h0m0s", "rotate abcdefgh 0s"})
	})

	t.Run("audit lists, verifies and exports", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		out, err := run(t, p, "audit", "list", "--outcome", "denied")
		require.NoError(t, err)
		assert.Regexp(t, `7 +- +abcdefgh deploy +192.0.2.1 +flag.write +denied +3 +//PUT /x`, out)
		assert.Contains(t, p.calls, "audit denied")
		out, err = run(t, p, "audit", "verify")
		require.NoError(t, err)
		assert.Regexp(t, `^intact: 9 entries, head 9 0{64}\n$`, out)
		out, err = run(t, p, "audit", "export")
		require.NoError(t, err)
		assert.Regexp(t, `^{"start":.*"sequence":0}}\n{"columns":{.*},"entry":{"n":1},"hash":"0{64}"}\n.*\n`+
			`.*"entry":{"n":3}.*\n{"end":.*"sequence":3}}\n$`, out)
		p.start = audit.Head{Sequence: 2}
		out, err = run(t, p, "audit", "verify")
		require.NoError(t, err)
		assert.Contains(t, out, "after entry 2, up to which the log was pruned")
		p.empty = true
		out, err = run(t, p, "audit", "verify")
		require.NoError(t, err)
		assert.Contains(t, out, "nothing to verify")
		p.broken = &audit.Broken{Sequence: 4, Reason: "changed"}
		_, err = run(t, p, "audit", "verify")
		require.ErrorContains(t, err, "broken at entry 4 (changed)")
		assert.Equal(t, cli.ExitFailed, cli.ExitCode(err))
	})

	t.Run("audit prune removes all parts", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		out, err := run(t, p, "audit", "prune", "--before", "2030-01-31")
		require.NoError(t, err)
		assert.Regexp(t, `^removed 6 entries; the log begins after 3 0{64}\n$`, out)
		assert.Contains(t, p.calls, "prune 2030-01-31 00:00:00 +0000 UTC")
		_, err = run(t, p, "audit", "prune")
		assert.Equal(t, cli.ExitUsage, cli.ExitCode(err))
	})

	t.Run("encryption shows, rotates to the end, and retires", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		out, err := run(t, p, "encryption", "status")
		require.NoError(t, err)
		assert.Regexp(t, `aa +1 +yes\nbb +2 +no\nunreadable +3 +-\nwithout a MAC +4 +-\nreplica r1 \(version 1.0\) lacks the first key, cc\n$`, out)
		out, err = run(t, p, "encryption", "rotate")
		require.NoError(t, err)
		assert.Equal(t, "rotated 4 of 2000 values under aa, 0 unreadable, 6 bound to their rows, 2 tampered\n", out)
		_, err = run(t, p, "encryption", "retire", "bb")
		require.NoError(t, err)
		assert.Contains(t, p.calls, "retire bb")
	})

	t.Run("migrate prints what was applied, the new epoch and the migrations", func(t *testing.T) {
		t.Parallel()
		out, err := run(t, &recordingProgram{}, "migrate", "up")
		require.NoError(t, err)
		assert.Equal(t, "applied 2\n", out)
		out, err = run(t, &recordingProgram{}, "migrate", "epoch")
		require.NoError(t, err)
		assert.Equal(t, "epoch 0123456789abcdef\n", out)

		out, err = run(t, &recordingProgram{}, "migrate", "status")
		require.NoError(t, err)
		assert.Regexp(t, `1 +first +2026-11-23T10:00:00Z\n2 +second +pending\n`, out)
	})

	t.Run("the database is closed if a command fails", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		_, err := run(t, p, "relay", "skip", "none")
		require.Error(t, err)
		assert.Equal(t, []string{"open", "close"}, p.calls)
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]accessapp.Issue{
		"30d":                       {Lifetime: 30 * day},
		"1d12h":                     {Lifetime: 36 * time.Hour},
		"720h":                      {Lifetime: 30 * day},
		"never":                     {Forever: true},
		"2030-01-31":                {Expires: time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC)},
		"2030-01-31T18:00:00+02:00": {Expires: time.Date(2030, 1, 31, 16, 0, 0, 0, time.UTC)},
	} {
		p := &recordingProgram{}
		_, err := run(t, p, "key", "create", "--role", "reader", "--expires", text)
		require.NoError(t, err, text)
		want.Name, want.Grants = "reader", []accessapp.Grant{{Role: "reader"}}
		assert.Equal(t, want, p.issue, text)
	}
	for _, text := range []string{"", "30", "d", "-1d", "-1h", "1d-2h", "30dd", "1.5d", "99999999d", "2030-02-30", "tomorrow", "0", "0d", "0h", "0d0h", "-0h"} {
		p := &recordingProgram{}
		_, err := run(t, p, "key", "create", "--role", "reader", "--expires", text)
		require.ErrorContains(t, err, "must be a positive lifetime such as 30d", text)
		assert.Equal(t, cli.ExitUsage, cli.ExitCode(err), text)
		_, err = run(t, p, "key", "update", "abcdefgh", "--expires", text)
		assert.Equal(t, cli.ExitUsage, cli.ExitCode(err), text)
		assert.Empty(t, p.calls, text)
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"0": "0s", "0d": "0s", "90m": "1h30m0s", "1d": "24h0m0s"} {
		p := &recordingProgram{}
		_, err := run(t, p, "key", "rotate", "abcdefgh", "--overlap", text)
		require.NoError(t, err, text)
		assert.Contains(t, p.calls, "rotate abcdefgh "+want)
	}
	for _, text := range []string{"", "never", "2030-01-31", "-1h", "soon"} {
		p := &recordingProgram{}
		_, err := run(t, p, "key", "rotate", "abcdefgh", "--overlap", text)
		assert.Equal(t, cli.ExitUsage, cli.ExitCode(err), text)
		assert.Empty(t, p.calls, text)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()

	t.Run("wrong usage is 2", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{
			{"serve", "now"},
			{"unknown"},
			{"serve", "--fast"},
			{"key", "revoke"},
			{"settings", "--format", "xml"},
			{"key", "create", "--expires", "tomorrow"},
		} {
			_, err := run(t, &recordingProgram{}, args...)
			assert.Equal(t, cli.ExitUsage, cli.ExitCode(err), args)
		}
	})

	t.Run("invalid input is 2", func(t *testing.T) {
		t.Parallel()
		_, err := run(t, &recordingProgram{err: fault.Bad("role", "must be admin, reader or service")}, "key", "list")
		assert.Equal(t, cli.ExitUsage, cli.ExitCode(err))
	})

	t.Run("an unavailable database is 3, any other failure 1, success 0", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, cli.ExitUnavailable, cli.ExitCode(fault.ErrUnavailable.WithCause(io.EOF)))
		assert.Equal(t, cli.ExitFailed, cli.ExitCode(errors.New("broken")))
		assert.Equal(t, cli.ExitOK, cli.ExitCode(nil))
	})
}

func TestHelp(t *testing.T) {
	t.Parallel()

	t.Run("every command has a description and a help text", func(t *testing.T) {
		t.Parallel()
		for _, cmd := range cli.New(&recordingProgram{}, "v").Commands() {
			if cmd.Name() == "help" || cmd.Name() == "completion" {
				continue
			}
			assert.NotEmpty(t, cmd.Short, cmd.Name())
			out, err := run(t, &recordingProgram{}, cmd.Name(), "--help")
			require.NoError(t, err)
			assert.Contains(t, out, "Usage:")
		}
	})
}

func TestRelay(t *testing.T) {
	t.Parallel()

	t.Run("status prints the backlog and the parked events", func(t *testing.T) {
		t.Parallel()
		out, err := run(t, &recordingProgram{}, "relay", "status")
		require.NoError(t, err)
		for _, want := range []string{
			"pending    2", "oldest     1.5s", "parked     2",
			"config-updates        configuration  9          0        0s      no",
			"feature-flag-updates  flag           7          2        1.5s    since 2026-11-23T10:00:00Z: it does not exist",
			"3         configuration  production/shop/a  2026-11-23T10:00:00Z  no           too large",
			"5         flag           production/b       2026-11-23T10:00:00Z  yes          no such topic",
		} {
			assert.Contains(t, out, want)
		}
		assert.NotContains(t, out, "more")
	})
	t.Run("status says how many parked aggregates it does not list", func(t *testing.T) {
		t.Parallel()
		out, err := run(t, &recordingProgram{more: 7}, "relay", "status")
		require.NoError(t, err)
		assert.Contains(t, out, "and 7 more")
	})
	t.Run("one event, or all that are not being retried, are retried", func(t *testing.T) {
		t.Parallel()
		one, all := &recordingProgram{}, &recordingProgram{}
		_, err := run(t, one, "relay", "retry", "3")
		require.NoError(t, err)
		assert.Equal(t, []string{"open", "retry 3", "close"}, one.calls)
		_, err = run(t, all, "relay", "retry", "--all")
		require.NoError(t, err)
		assert.Equal(t, []string{"open", "parked", "retry 3", "parked", "close"}, all.calls)
	})
	t.Run("one event is skipped", func(t *testing.T) {
		t.Parallel()
		p := &recordingProgram{}
		_, err := run(t, p, "relay", "skip", "3")
		require.NoError(t, err)
		assert.Equal(t, []string{"open", "skip 3", "close"}, p.calls)
	})
	t.Run("an invalid revision is a wrong usage", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{
			{"retry"}, {"retry", "3", "4"}, {"retry", "3", "--all"}, {"retry", "x"}, {"retry", "0"}, {"skip"}, {"skip", "-1"},
		} {
			_, err := run(t, &recordingProgram{}, append([]string{"relay"}, args...)...)
			assert.Equal(t, cli.ExitUsage, cli.ExitCode(err), "%v", args)
		}
	})
}
