package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// Program implements the commands.
type Program interface {
	// Serve runs the service until ctx ends, and returns after it has stopped.
	Serve(ctx context.Context) error
	// Healthcheck returns nil if the service on this machine is alive.
	Healthcheck(ctx context.Context) error
	// Database opens the configured database for one command. A missing one is created if
	// create is set.
	Database(ctx context.Context, create bool) (Database, error)
	// GenerateKey returns a new encryption key.
	GenerateKey() (secret.Text, error)
	// Describe writes a document that is generated from the code: "settings-markdown",
	// "settings-env" or "openapi".
	Describe(w io.Writer, document string) error
}

// Database is the configured database, as commands use it.
type Database interface {
	Migrate(ctx context.Context) (applied int, err error)
	Migrations(ctx context.Context) ([]Migration, error)
	BeginEpoch(ctx context.Context) (epoch string, err error)
	Close() error
	Relay
	Secured
}

// Secured is what protects the database: API keys, trusted tokens, the audit log and
// encryption keys.
type Secured interface {
	Keyring
	Trust
	AuditLog
	EncryptionKeys
}

// AuditLog reads the audit log.
type AuditLog interface {
	AuditEntries(ctx context.Context, in auditapp.List) ([]auditapp.Shown, error)
	VerifyAudit(ctx context.Context, from, to int64) (auditapp.Verified, error)
	// ExportAudit returns entries from a sequence on, page by page; 0 is for the beginning.
	ExportAudit(ctx context.Context, from int64) (auditapp.Exported, error)
	// PruneAudit removes entries before a time, a part of them at once.
	PruneAudit(ctx context.Context, before time.Time) (auditapp.Pruned, error)
}

// EncryptionKeys manages the keys of encrypted values.
type EncryptionKeys interface {
	Encryption(ctx context.Context) (configapp.KeyRingStatus, error)
	RotateEncryption(ctx context.Context, after configuration.TokenPlace, limit int) (configapp.Rotated, error)
	RetireEncryption(ctx context.Context, fingerprint string) error
}

// Keyring manages the API keys.
type Keyring interface {
	Issue(ctx context.Context, in accessapp.Issue) (accessapp.Issued, error)
	// Keys lists keys after one, page by page; "" is before the first.
	Keys(ctx context.Context, after string) ([]access.KeyAttributes, error)
	Amend(ctx context.Context, in accessapp.Amend) (access.KeyAttributes, error)
	Rotate(ctx context.Context, id string, overlap time.Duration) (accessapp.Issued, error)
	Revoke(ctx context.Context, id string, force bool) error
	// Now is the time by which keys are valid.
	Now() time.Time
}

// Relay manages the relay of the change feed.
type Relay interface {
	RelayStatus(ctx context.Context) (relay.Status, error)
	// Parked lists parked aggregates after one, page by page.
	Parked(ctx context.Context, after ports.Parked) ([]ports.Parked, error)
	Retry(ctx context.Context, revision int64) error
	Skip(ctx context.Context, revision int64) error
}

// Migration is a migration of the database's schema.
type Migration struct {
	Version   int64
	Name      string
	Applied   bool
	AppliedAt time.Time
}

// Exit codes.
const (
	ExitOK = iota
	// ExitFailed is any other failure, also of a health check.
	ExitFailed
	// ExitUsage is an invalid command, argument or setting.
	ExitUsage
	// ExitUnavailable is an unavailable database.
	ExitUnavailable
)

// usageError is an invalid command line.
type usageError struct{ error }

// Unwrap returns the cause.
func (e usageError) Unwrap() error { return e.error }

// ExitCode returns the exit code for the error of a command. An error with a method
// ExitCode() int has its own.
func ExitCode(err error) int {
	var usage usageError
	var own interface{ ExitCode() int }
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &own):
		return own.ExitCode()
	case errors.As(err, &usage), errors.Is(err, fault.ErrInvalid):
		return ExitUsage
	case errors.Is(err, fault.ErrUnavailable):
		return ExitUnavailable
	}
	return ExitFailed
}

// New returns the root command of a program.
func New(p Program, version string) *cobra.Command {
	root := &cobra.Command{
		Use:   "signalbox",
		Short: "Configuration, feature flags and service discovery for running programs",
		Long: `Signalbox provides running programs with configuration, feature flags and service
discovery.

Settings are environment variables and a .env file in the working folder; see
'signalbox settings'. Exit codes: 0 success, 1 failure, 2 wrong usage or settings,
3 the database is unreachable.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetVersionTemplate("signalbox {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		serve(p), migrate(p), relayCommand(p), key(p), issuer(p), binding(p), auditCommand(p), encryption(p),
		keygen(p), healthcheck(p), settings(p), openapi(p), versionCommand(version))
	return root
}

// Arguments returns the arguments of a command line with -version as --version.
func Arguments(args []string) []string {
	if len(args) == 1 && args[0] == "-version" {
		return []string{"--version"}
	}
	return args
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return misuse(cmd, fmt.Sprintf("no argument %q", args[0]))
}

func exactlyOne(argument string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return misuse(cmd, argument)
	}
}

func misuse(cmd *cobra.Command, expected string) error {
	return usageError{fmt.Errorf("%q takes %s; see '%s --help'", cmd.CommandPath(), expected, cmd.CommandPath())}
}
