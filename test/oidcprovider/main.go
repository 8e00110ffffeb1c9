// Command oidcprovider is an OpenID provider for tests, by zitadel/oidc: it listens on a free
// port of loopback, prints its issuer, and gives programs (grant type client_credentials,
// client "sid1", secret "verysecret") a JWT for the audience "signalbox". It is a module of its
// own, so that the provider is no dependency of Signalbox.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// audience is that of the tokens.
const audience = "signalbox"

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	issuer := "http://" + listener.Addr().String()
	handler := exampleop.SetupServer(issuer, provider{storage.NewStorage(storage.NewUserStore(issuer))},
		slog.New(slog.DiscardHandler), false)
	fmt.Println(issuer)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	return server.Serve(listener)
}

// provider is the storage of the library's example, whose programs get a JWT.
type provider struct{ *storage.Storage }

// ClientCredentials returns the client of a program.
func (p provider) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	client, err := p.Storage.ClientCredentials(ctx, id, secret)
	if err != nil {
		return nil, err
	}
	return program{client}, nil
}

// ClientCredentialsTokenRequest returns what a token of a program says.
func (provider) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: "program:" + id, Audience: []string{audience}, Scopes: scopes}, nil
}

// program is a client that gets a JWT in place of an opaque token.
type program struct{ op.Client }

// AccessTokenType returns the kind of its tokens.
func (program) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
