package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
)

// Trust are the issuers of tokens that are trusted, and what their tokens are bound to.
type Trust interface {
	SetIssuer(ctx context.Context, in accessapp.Issuer) (trust.Issuer, error)
	Issuers(ctx context.Context) ([]trust.Issuer, error)
	RemoveIssuer(ctx context.Context, id string) error
	SetBinding(ctx context.Context, in accessapp.Binding) (trust.Binding, error)
	Bindings(ctx context.Context) ([]trust.Binding, error)
	RemoveBinding(ctx context.Context, id string) error
}

func issuer(p Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "issuer",
		Short: "Create, list and delete issuers whose tokens (JWT) are trusted",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(issuerCreate(p), issuerList(p),
		deletion(p, "issuer", "Delete an issuer, which has no bindings any more", Database.RemoveIssuer))
	return cmd
}

func issuerCreate(p Program) *cobra.Command {
	var name, url, keySet string
	var audiences, algorithms []string
	var direct bool
	skew := trust.DefaultSkew
	cmd := &cobra.Command{
		Use:   "create --name NAME --url URL --audience AUDIENCE",
		Short: "Trust the tokens of an issuer",
		Long: `Trust the tokens of an issuer. Its keys are discovered at its URL, or read from a file.
Tokens allow nothing until there is a binding; see 'signalbox binding create'.`,
		Example: `  signalbox issuer create --name ci --url https://token.actions.githubusercontent.com \
    --audience https://signalbox.example.com
  kubectl get --raw /openid/v1/jwks > keys.json
  signalbox issuer create --name cluster --url https://kubernetes.default.svc.cluster.local \
    --jwks-file keys.json --audience signalbox --direct`,
		Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			in := accessapp.Issuer{Name: &name, URL: &url, Audiences: &audiences, Skew: &skew, Direct: &direct}
			if algorithms != nil {
				in.Algorithms = &algorithms
			}
			if cmd.Flags().Changed("jwks-file") {
				text, err := readBounded(keySet, trust.MaxKeySetBytes)
				if err != nil {
					return err
				}
				in.KeySet = &text
			}
			i, err := db.SetIssuer(cmd.Context(), in)
			if err != nil {
				return err
			}
			return printed(fmt.Fprintf(cmd.OutOrStdout(), "created issuer %s (%s)\n", i.ID, i.Name))
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the issuer (1 to 100 bytes)")
	cmd.Flags().StringVar(&url, "url", "", "the claim iss of its tokens")
	cmd.Flags().StringVar(&keySet, "jwks-file", "",
		"file with its public keys (JSON Web Key Set), where they cannot be discovered")
	cmd.Flags().StringSliceVar(&audiences, "audience", nil, "audience, one of which a token has to name")
	cmd.Flags().StringSliceVar(&algorithms, "algorithm", nil, "signature algorithm; RS256 and ES256 if omitted")
	cmd.Flags().DurationVar(&skew, "clock-skew", skew, "by how much clocks may differ, at most 5m")
	cmd.Flags().BoolVar(&direct, "direct", false, "accept its tokens in place of API keys")
	return cmd
}

var (
	errFile  = errors.New("the file is too long")
	errEmpty = errors.New("the file is empty")
)

// readBounded reads a file of at most that many bytes, and not none: without a key set, keys
// would be discovered.
func readBounded(name string, most int64) (string, error) {
	file, err := os.Open(name) //nolint:gosec // the user of the command names it
	if err != nil {
		return "", usageError{fmt.Errorf("read the key set: %w", err)}
	}
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err = errors.Join(err, file.Close()); err == nil && int64(len(text)) > most {
		err = errFile
	}
	if err == nil && strings.TrimSpace(string(text)) == "" {
		err = errEmpty
	}
	if err != nil {
		return "", usageError{fmt.Errorf("read the key set %s: %w", name, err)}
	}
	return string(text), nil
}

func issuerList(p Program) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the issuers", Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			found, err := db.Issuers(cmd.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			table(w, "ID", "NAME", "ISSUER", "KEYS", "AUDIENCES", "ALGORITHMS", "DIRECT", "CREATED")
			for _, i := range found {
				keys, direct := "discovered", "no"
				if i.KeySet != "" {
					keys = "given"
				}
				if i.Direct {
					direct = "yes"
				}
				table(w, i.ID, i.Name, i.URL, keys, strings.Join(i.Audiences, ","), strings.Join(i.Algorithms, ","),
					direct, moment(i.Created))
			}
			return printed(0, w.Flush())
		}),
	}
}

func binding(p Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "binding",
		Short: "Create, list and delete bindings of tokens to what they allow",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(bindingCreate(p), bindingList(p),
		deletion(p, "binding", "Delete a binding; the keys of its logins end", Database.RemoveBinding))
	return cmd
}

func bindingCreate(p Program) *cobra.Command {
	var name, issuer string
	var subjects, claims []string
	ttl := trust.DefaultTTL
	grants := &grantFlags{}
	cmd := &cobra.Command{
		Use:   "create --name NAME --issuer ID --subject GLOB --role ROLE",
		Short: "Give grants to tokens of an issuer, by their subject and claims",
		Long: `Give grants to tokens of an issuer. One of the subjects has to match the claim sub, and each
claim one of its globs; * stands for any text. Claims are named by JSON pointers.`,
		Example: `  signalbox binding create --name deploy-shop --issuer 4mWq0tXb --subject 'repo:acme/shop:*' \
    --claim '/ref=refs/heads/main' --role editor --environment staging --ttl 15m
  signalbox binding create --name shop --issuer 7hG2kLpQ --subject 'system:serviceaccount:shop:*' \
    --role service --service shop`,
		Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			bound, err := claimsOf(claims)
			if err != nil {
				return err
			}
			b, err := db.SetBinding(cmd.Context(), accessapp.Binding{
				Name: &name, IssuerID: &issuer, Subjects: &subjects, Claims: &bound, Grants: new(grants.all("reader")),
				TTL: &ttl,
			})
			if err != nil {
				return err
			}
			return printed(fmt.Fprintf(cmd.OutOrStdout(), "created binding %s (%s)\n", b.ID, b.Name))
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the binding (1 to 100 bytes)")
	cmd.Flags().StringVar(&issuer, "issuer", "", "id of the issuer")
	cmd.Flags().StringArrayVar(&subjects, "subject", nil, "glob for the claim sub, more than once for several")
	cmd.Flags().StringArrayVar(&claims, "claim", nil,
		"claim and a glob, such as /repository=acme/*, more than once for several")
	cmd.Flags().DurationVar(&ttl, "ttl", ttl, "how long the key of a login is valid, 1m to 1h")
	grants.add(cmd)
	return cmd
}

var errClaim = errors.New("--claim must be such as /repository=acme/*")

// claimsOf returns the globs by claim.
func claimsOf(texts []string) (map[string][]string, error) {
	claims := map[string][]string{}
	for _, text := range texts {
		pointer, glob, valued := strings.Cut(text, "=")
		if !valued {
			return nil, usageError{errClaim}
		}
		claims[pointer] = append(claims[pointer], glob)
	}
	return claims, nil
}

func bindingList(p Program) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the bindings", Args: noArgs,
		RunE: withDatabase(p, func(cmd *cobra.Command, _ []string, db Database) error {
			found, err := db.Bindings(cmd.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			table(w, "ID", "NAME", "ISSUER", "SUBJECTS", "CLAIMS", "ROLE", "SCOPE", "TTL", "CREATED")
			for _, b := range found {
				table(w, b.ID, b.Name, b.IssuerID, strings.Join(b.Subjects, ","), claimsText(b.Claims),
					roles(b.Grants), areas(b.Grants), b.TTL.Round(time.Second).String(), moment(b.Created))
			}
			return printed(0, w.Flush())
		}),
	}
}

func claimsText(claims map[string][]string) string {
	var texts []string
	for _, pointer := range slices.Sorted(maps.Keys(claims)) {
		texts = append(texts, pointer+"="+strings.Join(claims[pointer], "|"))
	}
	if texts == nil {
		return "-"
	}
	return strings.Join(texts, ",")
}

// deletion is the command that deletes a thing by its id.
func deletion(p Program, kind, short string, remove func(Database, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use: "delete ID", Short: short, Example: "  signalbox " + kind + " delete 4mWq0tXb",
		Args: exactlyOne("the id of one " + kind),
		RunE: withDatabase(p, func(cmd *cobra.Command, args []string, db Database) error {
			if err := remove(db, cmd.Context(), args[0]); err != nil {
				return err
			}
			return printed(fmt.Fprintf(cmd.OutOrStdout(), "deleted %s\n", args[0]))
		}),
	}
}
