package configapp_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// bundle is the use cases over doubles.
type bundle struct {
	*configapp.Service
	store   *fixture.Store
	clock   *fixture.Clock
	backoff *fixture.NoWait
	cipher  *reversingCipher
	watch   *fixture.Stopwatch
	memory  *fixture.LocalCache[configuration.Locator, *configapp.Entry]
	tail    *fixture.Tail
	reveals *fixture.Reveals
	// enforcement says whether tokens without a MAC are rejected.
	enforcement *fixture.Vault
	history     *forgedHistory
}

// forgedHistory is a history whose entries are changed by hand.
type forgedHistory struct {
	configuration.History

	forge func(configuration.HistoryEntry) configuration.HistoryEntry
}

func (h *forgedHistory) Entry(
	ctx context.Context, id configuration.ID, version configuration.Version,
) (configuration.HistoryEntry, error) {
	e, err := h.History.Entry(ctx, id, version)
	if err == nil && h.forge != nil {
		e = h.forge(e)
	}
	return e, err
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return setupWith(t, func(r configuration.Repository) configuration.Repository { return r })
}

// setupWith puts something between the use cases and the repository.
func setupWith(t *testing.T, between func(configuration.Repository) configuration.Repository) *bundle {
	t.Helper()
	environments, err := scope.NewEnvironments("production", "staging")
	require.NoError(t, err)
	b := &bundle{
		store: fixture.NewStore(), clock: fixture.NewClock(), backoff: &fixture.NoWait{}, cipher: &reversingCipher{available: true},
		reveals: &fixture.Reveals{},
		watch:   fixture.NewStopwatch(), tail: fixture.NewTail(), memory: fixture.NewLocalCache[configuration.Locator, *configapp.Entry](1 << 20),
	}
	b.reveals, b.enforcement, b.history = &fixture.Reveals{}, &fixture.Vault{}, &forgedHistory{History: b.store}
	b.Service = configapp.New(configapp.Dependencies{
		Reveals:        b.reveals,
		Configurations: between(b.store), History: b.history, Cipher: fixture.OneKey(b.cipher), Enforcement: b.enforcement,
		Memory: b.memory, Feed: b.tail, Stopwatch: b.watch,
		Clock: b.clock, Backoff: b.backoff, Environments: environments,
	})
	return b
}

// reversingCipher is a cipher whose tokens are the reversed text with a unique number.
type reversingCipher struct {
	available bool
	// blind tokens cannot be opened any more.
	blind bool
	made  int
}

func (c *reversingCipher) Encrypt(_ context.Context, plaintext secret.Text) (string, error) {
	if !c.available {
		return "", ports.ErrEncryptionUnavailable
	}
	c.made++
	return string(rune('0'+c.made)) + reversed(plaintext.Reveal()), nil
}

func (c *reversingCipher) Decrypt(_ context.Context, token string) (secret.Text, error) {
	if c.blind {
		return secret.Text{}, ports.ErrDecryptionFailed
	}
	return secret.New(reversed(string([]rune(token)[1:]))), nil
}

func (c *reversingCipher) Fingerprint() string { return "reversed" }

func (c *reversingCipher) KeyOf(string) string { return "reversed" }

func reversed(text string) string {
	runes := []rune(text)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

// creation returns what creates a configuration.
func creation(value string, encrypted bool) configapp.Create {
	return configapp.Create{
		Key: "database.url", Value: secret.New(value), Environment: "production", ServiceName: "shop", IsEncrypted: encrypted,
	}
}

// created creates a configuration as an admin.
func (b *bundle) created(t *testing.T, value string, encrypted bool) configapp.View {
	t.Helper()
	view, err := b.Create(t.Context(), fixture.Admin(), creation(value, encrypted))
	require.NoError(t, err)
	return view
}

// updated sets the value as an admin.
func (b *bundle) updated(t *testing.T, id configuration.ID, value string) configapp.View {
	t.Helper()
	view, err := b.Update(t.Context(), fixture.Admin(), configapp.Update{ID: id, Value: new(secret.New(value))})
	require.NoError(t, err)
	return view
}

// read reads the configuration that creation makes.
func (b *bundle) read(t *testing.T, by access.Caller) (configapp.View, error) {
	t.Helper()
	return b.Read(t.Context(), by, configapp.Read{Key: "database.url", Environment: "production", ServiceName: "shop"})
}

// text returns the value that a view shows, or "hidden".
func text(v configapp.View) string {
	value, shown := v.Value()
	if !shown {
		return "hidden"
	}
	return value.Reveal()
}

// revealer is a reader that may reveal encrypted values.
func revealer(t *testing.T) access.Caller {
	t.Helper()
	key := access.RehydrateAPIKey(access.KeyAttributes{ID: "reveal01", Name: "reveal", Grants: []access.Grant{{Role: access.RoleReader, Reveal: true}}}, nil, nil)
	return access.Caller{Actor: key.Actor(), Grants: key.Grants()}
}

// assertHidden asserts that no print or log of a value shows the text.
func assertHidden(t *testing.T, held any, text string) {
	t.Helper()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&out, verb, held)
	}
	log := zap.New(zapcore.NewCore(
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zapcore.DebugLevel))
	log.Info("m", zap.Any("any", held), zap.Reflect("reflect", held))
	log.Sugar().Infow("m", "held", held)
	log.Sugar().Infof("%+v", held)
	assert.NotContains(t, out.String(), text)
}
