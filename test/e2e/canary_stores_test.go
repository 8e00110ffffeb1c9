package e2e_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// TestCanariesInStores sends secrets through a service with PostgreSQL, Redis and Kafka, and
// then searches every table, every key of Redis, every message and the log for them.
func TestCanariesInStores(t *testing.T) {
	t.Parallel()
	databaseURL, cache := e2etest.NewPostgres(t), e2etest.NewRedis(t)
	brokers := e2etest.NewKafka(harness.Kafka(t))
	keys := e2etest.Encryption(t)
	former := keys[1][len("ENCRYPTION_KEY="):]
	environ := append(cache.Environ(t), brokers.Environ()...)

	s, stop := e2etest.Run(t, databaseURL, append(environ, keys...)...)
	admin, revealer := s.Admin(t), s.Reader(t, "--reveal")
	w := &recorder{admin: admin, reader: s.Reader(t), revealer: revealer}
	w.succeed(t)
	w.manage(t)
	w.fail(t)
	tokens := logInWithTokens(t, admin)
	stop()
	current := e2etest.Encryption(t)[1][len("ENCRYPTION_KEY="):]
	ring := []string{"ENABLE_ENCRYPTION=true", "ENCRYPTION_KEYS=" + current + "," + former}
	other, stopOther := e2etest.Run(t, databaseURL, append(environ, ring...)...)
	admin = other.Admin(t)
	admin.Post(t, "/api/v1/encryption/rotate", e2etest.Object{}).Want(t, http.StatusOK)
	revealer = other.Reader(t, "--reveal")
	require.Equal(t, secretCanary, revealer.Read(t, "secret").ShownValue(), "the canary survived the rotation")
	feed := admin.Get(t, "/api/v1/changes?since=0&wait=0s&limit=1000").Want(t, http.StatusOK)
	requireNothingIn(t, "feed", []string{feed.Text()}, anyCanary)

	secrets := []string{secretCanary, turnedCanary, former, current}
	for _, c := range []e2etest.Client{s.Admin(t), other.Admin(t), w.reader, w.revealer, revealer} {
		secrets = append(secrets, secretOf(c.Key))
	}
	for _, key := range w.keys {
		secrets = append(secrets, secretOf(key))
	}
	secrets = append(secrets, tokens...)
	published := messages(t, brokers, other.Admin(t))
	stopOther()
	for name, log := range map[string]string{
		"log": s.Log.String(), "output": s.Out.String(), "later log": other.Log.String(), "later output": other.Out.String(),
	} {
		requireNothingIn(t, name, []string{log}, append(secrets, anyCanary)...)
	}
	requireNothingIn(t, "Kafka", published, append(secrets, anyCanary)...)
	searchRedis(t, cache.Client, secrets)
	// Redis may hold the name of what was read in vain.
	searchDatabase(t, e2etest.OpenDatabase(t, databaseURL), append(secrets, strayCanary))
}

// logInWithTokens logs in with a token, uses another one in place of a key, and has others
// rejected. It returns what nothing must have of the tokens and of the key: the signatures
// and the secret.
func logInWithTokens(t *testing.T, admin e2etest.Client) []string {
	t.Helper()
	p, k := fixture.NewParty(t), fixture.KeysOfParties()
	issuer := e2etest.Decode[struct{ ID string }](t, admin.Post(t, "/api/v1/access/issuers/", e2etest.Object{
		"name": "party", "issuer": p.URL, "audiences": []string{"signalbox"}, "direct": true,
	}).Want(t, http.StatusCreated))
	admin.Post(t, "/api/v1/access/bindings/", e2etest.Object{
		"name": "shop", "issuer_id": issuer.ID, "subjects": []string{"repo:acme/*"},
		"grants": []e2etest.Object{{"role": "editor"}},
	}).Want(t, http.StatusCreated)
	signed := func(key any, alg jose.SignatureAlgorithm, id, subject string) string {
		return fixture.SignedToken(t, alg, id, key, p.Claims(time.Now(), map[string]any{"sub": subject}))
	}
	login, direct := signed(k.EC, jose.ES256, "ec", "repo:acme/a"), signed(k.EC, jose.ES256, "ec", "repo:acme/b")
	forged, unbound := signed(k.Other, jose.RS256, "rsa", "repo:acme/c"), signed(k.EC, jose.ES256, "ec", "repo:evil/d")
	send := func(token string) e2etest.Response {
		anonymous := admin
		anonymous.Key = ""
		return anonymous.Post(t, "/api/v1/access/login/jwt", e2etest.Object{"token": token})
	}
	made := e2etest.Decode[struct{ Key string }](t, send(login).Want(t, http.StatusCreated))
	holder := admin
	for name, key := range map[string]string{"of-login": made.Key, "of-token": direct} {
		holder.Key = key
		holder.Get(t, "/api/v1/config/").Want(t, http.StatusOK)
		holder.Post(t, "/api/v1/feature-flags/", e2etest.Object{
			"name": name, "environment": "production",
		}).Want(t, http.StatusCreated)
	}
	secrets := []string{secretOf(made.Key)}
	for token, status := range map[string]int{forged: http.StatusUnauthorized, unbound: http.StatusForbidden} {
		holder.Key = token
		for _, a := range []e2etest.Response{send(token).Want(t, status), holder.Get(t, "/api/v1/config/").Want(t, status)} {
			require.NotContains(t, a.Text(), token)
		}
	}
	for _, token := range []string{login, direct, forged, unbound} {
		secrets = append(secrets, token[strings.LastIndex(token, ".")+1:])
	}
	return secrets
}

// secretOf returns the secret part of an API key.
func secretOf(key string) string { return key[strings.LastIndex(key, "_")+1:] }

// requireNothingIn asserts that no text contains a secret.
func requireNothingIn(tb testing.TB, place string, texts []string, secrets ...string) {
	tb.Helper()
	require.NotEmpty(tb, texts, "%s has something to search", place)
	for _, text := range texts {
		for _, secret := range secrets {
			require.NotContains(tb, text, secret, place)
		}
	}
}

// messages returns keys, values and headers of all messages up to the current revision.
func messages(t *testing.T, k e2etest.Kafka, admin e2etest.Client) []string {
	t.Helper()
	k.AwaitMessages(t, e2etest.Decode[struct{ Revision int64 }](t, admin.Get(t, "/api/v1/changes?wait=0s")).Revision)
	var texts []string
	harness.Consume(t, k.Brokers, k.Topics(), func(records []*kgo.Record) bool {
		texts = texts[:0]
		for _, r := range records {
			texts = append(texts, string(r.Key), string(r.Value))
			for _, h := range r.Headers {
				texts = append(texts, h.Key, string(h.Value))
			}
		}
		return len(records) > 0
	})
	return texts
}

// searchRedis searches the names and the contents of all keys.
func searchRedis(t *testing.T, c *redis.Client, secrets []string) {
	t.Helper()
	names, err := c.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	requireNothingIn(t, "Redis", names, secrets...)
	for _, name := range names {
		content, err := c.Dump(t.Context(), name).Result()
		if err == redis.Nil { //nolint:errorlint // a key that has expired meanwhile, as go-redis compares it
			continue
		}
		require.NoError(t, err)
		requireNothingIn(t, name, []string{content, redisText(t.Context(), c, name)}, secrets...)
	}
}

// redisText returns a value of any type as text: Dump may compress it.
func redisText(ctx context.Context, c *redis.Client, name string) string {
	var b strings.Builder
	b.WriteString(c.Get(ctx, name).Val())
	for field, value := range c.HGetAll(ctx, name).Val() {
		b.WriteString(field + value)
	}
	b.WriteString(strings.Join(c.ZRange(ctx, name, 0, -1).Val(), " "))
	b.WriteString(strings.Join(c.SMembers(ctx, name).Val(), " "))
	b.WriteString(strings.Join(c.LRange(ctx, name, 0, -1).Val(), " "))
	return b.String()
}

// searchDatabase searches every column of every table.
func searchDatabase(t *testing.T, db *sql.DB, secrets []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT table_name FROM information_schema.tables
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var tables []string
	for rows.Next() {
		var table string
		require.NoError(t, rows.Scan(&table))
		tables = append(tables, table)
	}
	require.NoError(t, rows.Err())
	require.Contains(t, tables, "audit_pending")
	for _, plain := range secrets {
		secrets = append(secrets, hex.EncodeToString([]byte(plain))) // as row_to_json writes bytes
	}
	searched := 0
	for _, table := range tables {
		for _, row := range wholeRows(t, db, table) {
			searched++
			requireNothingIn(t, table, []string{row}, secrets...)
		}
	}
	require.Greater(t, searched, 20)
}

// wholeRows returns the rows of a table, each as PostgreSQL writes it, and its bytes as text.
func wholeRows(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT row_to_json(r)::text FROM "`+table+`" AS r`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var list []string
	for rows.Next() {
		var row string
		require.NoError(t, rows.Scan(&row))
		list = append(list, row)
	}
	require.NoError(t, rows.Err())
	return list
}
