package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func serve(p Program) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: `Run the service until SIGTERM, SIGINT or SIGHUP; then finish in-flight requests and exit 0.
Settings are read once: restart the service to change them.

By default it listens on port 8082, stores everything in signalbox.db in the working
folder, and creates an admin key at the first start. It prints the key on a terminal;
elsewhere it writes it to signalbox.db.admin-key, which only the owner can read. On
PostgreSQL, without a terminal, it creates none: run 'signalbox key create --role admin'.`,
		Example: "  signalbox serve\n  DATABASE_URL=postgres://signalbox@db/signalbox signalbox serve",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.Serve(cmd.Context()) },
	}
}

func healthcheck(p Program) *cobra.Command {
	return &cobra.Command{
		Use:     "healthcheck",
		Short:   "Check whether the service on this machine is alive",
		Long:    "Request /livez of the service on this machine, on SERVICE_PORT. Exits 0 if it is alive, else 1.",
		Example: "  signalbox healthcheck && echo alive",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.Healthcheck(cmd.Context()) },
	}
}

func keygen(p Program) *cobra.Command {
	return &cobra.Command{
		Use:     "keygen",
		Short:   "Print a new encryption key",
		Long:    "Print a new Fernet key for ENCRYPTION_KEY. Values encrypted with it cannot be decrypted without it.",
		Example: "  ENABLE_ENCRYPTION=true ENCRYPTION_KEY=$(signalbox keygen) signalbox serve",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := p.GenerateKey()
			if err != nil {
				return err
			}
			return printed(fmt.Fprintln(cmd.OutOrStdout(), key.Reveal()))
		},
	}
}

func versionCommand(version string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printed(fmt.Fprintln(cmd.OutOrStdout(), "signalbox "+version))
		},
	}
}

func settings(p Program) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "settings",
		Short:   "Print every setting with its default and allowed values",
		Example: "  signalbox settings\n  signalbox settings --format env > .env",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "markdown" && format != "env" {
				return usageError{fmt.Errorf("--format must be markdown or env, not %q", format)}
			}
			return p.Describe(cmd.OutOrStdout(), "settings-"+format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "markdown", "markdown or env")
	return cmd
}

func openapi(p Program) *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the OpenAPI document",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.Describe(cmd.OutOrStdout(), "openapi") },
	}
}

// printed returns the error of a print.
func printed(_ int, err error) error {
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
