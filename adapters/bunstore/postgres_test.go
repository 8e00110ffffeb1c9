package bunstore_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/test/harness"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

func TestPostgresURL(t *testing.T) {
	t.Parallel()

	t.Run("every scheme and every optional sslmode connects to a server without TLS", func(t *testing.T) {
		t.Parallel()
		url := storetest.PostgresURL(t)
		bare := strings.Replace(url, "sslmode=disable", "", 1)
		for _, each := range []string{
			url, bare, bare + "sslmode=prefer", bare + "sslmode=allow&pool_max_conns=1",
			strings.Replace(bare, "postgres://", "postgresql://", 1),
			strings.Replace(bare, "postgres://", "postgresql+asyncpg://", 1),
		} {
			require.NoError(t, storetest.OpenPostgres(t, each, storetest.Options()).Ping(t.Context()))
		}
		require.Error(t, storetest.OpenPostgres(t, bare+"sslmode=require", storetest.Options()).Ping(t.Context()))
	})

	t.Run("a socket needs no TLS, whatever the mode", func(t *testing.T) {
		t.Parallel()
		url := "postgres://signalbox:signalbox@/postgres?host=" + harness.OwnPostgres(t).Socket
		for _, mode := range []string{"", "&sslmode=require", "&sslmode=verify-full"} {
			require.NoError(t, storetest.OpenPostgres(t, url+mode, storetest.Options()).Ping(t.Context()))
		}
	})

	t.Run("an invalid URL is an error without the password", func(t *testing.T) {
		t.Parallel()
		for _, url := range []string{
			"postgres://u:canary@db/c?sslmode=weird", "postgres://u:canary@db/c?pool_max_conns=0",
			"postgres://u:canary@db/c?pool_max_conns=many", "postgres://u:canary@db:port/c",
			"postgres://u:canary@db/c?sslmode=verify-full&sslrootcert=/files/are/options",
		} {
			_, err := bunstore.OpenPostgres(t.Context(), url, storetest.Options())
			require.ErrorContains(t, err, "read the database URL")
			assert.NotContains(t, err.Error(), "canary")
		}
	})
}
