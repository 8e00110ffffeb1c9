package bootstrap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/cli"
	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

var _ cli.Program = (*program)(nil)

// GenerateKey returns a new Fernet key.
func (*program) GenerateKey() (secret.Text, error) { return fernetcipher.GenerateKey() }

// Describe writes a document that is generated from the code.
func (p *program) Describe(w io.Writer, document string) error {
	text, err := describe(document, p.process.Version)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("print %s: %w", document, err)
	}
	return nil
}

func describe(document string, version Version) (string, error) {
	switch document {
	case "settings-markdown":
		return settings.Markdown(Descriptors().Topics()), nil
	case "settings-env":
		return settings.EnvTemplate(Descriptors().Topics()), nil
	case "openapi":
		text, err := ginapi.Document(string(version), Descriptors(), operations()...)
		return string(text), err
	}
	return "", fmt.Errorf("unknown document %q", document)
}

// healthcheckTimeout bounds the request of a healthcheck.
const healthcheckTimeout = 3 * time.Second

// Healthcheck requests /livez of the service on this machine.
func (p *program) Healthcheck(ctx context.Context) error {
	s, _, err := p.load()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	address := "http://"
	if s.TLSCertificate != "" {
		address = "https://"
	}
	address += net.JoinHostPort("127.0.0.1", strconv.Itoa(int(s.Port))) + "/livez"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("request %s: %w", address, err)
	}
	response, err := loopbackClient().Do(request)
	if err != nil && s.TLSClientCAs != "" && strings.Contains(err.Error(), "certificate required") {
		return nil // it serves, and wants a client certificate (RFC 8446, section 6.2)
	}
	if err != nil {
		return fmt.Errorf("request %s: %w", address, err)
	}
	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("request %s: %w", address, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("request %s: status %s", address, response.Status)
	}
	return nil
}

// loopbackClient calls this machine, whose certificate is for another name.
func loopbackClient() *http.Client {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // see above
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
}

// Database opens the configured database. A missing one is created only if create is set.
func (p *program) Database(ctx context.Context, create bool) (cli.Database, error) {
	s, log, err := p.load()
	if err != nil {
		return nil, err
	}
	config, err := databaseTLS(s, log)
	if err != nil {
		return nil, err
	}
	clock, ids := newClock(system.NewStopwatch()), system.NewIDs()
	store, err := openStore(ctx, s, bunstore.Options{
		IDs: ids, Modules: storeModules(), Existing: !create, TimeQuery: clock.TimeQuery, TLS: config,
	})
	if err != nil {
		return nil, aboutDatabase(s, err)
	}
	return &database{store: store, settings: s, access: accessOf(store, s, clock, ids), clock: clock}, nil
}

// database is the configured database for one command.
type database struct {
	store    *bunstore.Store
	access   *accessapp.Service
	settings settings.Settings
	// clock is the store's clock once the database is ready.
	clock ports.Clock
}

// Migrate applies pending migrations.
func (d *database) Migrate(ctx context.Context) (int, error) {
	applied, err := d.store.Migrate(ctx)
	if err == nil && applied > 0 {
		err = d.note(ctx, schemaMigrated, strconv.Itoa(applied))
	}
	return applied, aboutDatabase(d.settings, err)
}

// Migrations lists the migrations of the schema.
func (d *database) Migrations(ctx context.Context) ([]cli.Migration, error) {
	steps, err := d.store.MigrationStatus(ctx)
	list := make([]cli.Migration, len(steps))
	for i, s := range steps {
		list[i] = cli.Migration(s)
	}
	return list, aboutDatabase(d.settings, err)
}

// BeginEpoch checks the database file and starts a new epoch of the change feed.
func (d *database) BeginEpoch(ctx context.Context) (string, error) {
	if err := d.ready(ctx); err != nil {
		return "", err
	}
	if err := d.store.QuickCheck(ctx); err != nil {
		return "", aboutDatabase(d.settings, err)
	}
	epoch, err := feedstore.NewFeed(d.store).BeginEpoch(ctx)
	if err != nil {
		return "", err
	}
	return epoch, d.note(ctx, epochBegan, epoch)
}

// note records a command in the audit log.
func (d *database) note(ctx context.Context, action, resource string) error {
	return note(ctx, d.store, d.clock, scope.Actor{}, action, resource)
}

// RelayStatus returns the relay's backlog and its parked events.
func (d *database) RelayStatus(ctx context.Context) (relay.Status, error) {
	if err := d.ready(ctx); err != nil {
		return relay.Status{}, err
	}
	return d.relay().Status(ctx)
}

// Parked lists parked aggregates.
func (d *database) Parked(ctx context.Context, after ports.Parked) ([]ports.Parked, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return d.relay().Parked(ctx, after)
}

// Retry requests another attempt of what is parked.
func (d *database) Retry(ctx context.Context, revision int64) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	if err := d.relay().Retry(ctx, revision); err != nil {
		return err
	}
	return d.note(ctx, relayRetried, strconv.FormatInt(revision, 10))
}

// Skip discards a parked event.
func (d *database) Skip(ctx context.Context, revision int64) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	if err := d.relay().Skip(ctx, revision); err != nil {
		return err
	}
	return d.note(ctx, relaySkipped, strconv.FormatInt(revision, 10))
}

// relay returns a relay that publishes nothing.
func (d *database) relay() *relay.Service {
	return relay.New(relay.Dependencies{
		Feed: feedstore.NewFeed(d.store), Deliveries: feedstore.NewDeliveries(d.store), Clock: d.clock,
		Modules: Descriptors(), Topics: topicsOf(d.settings, Descriptors()),
	})
}

// audit returns the use cases of the audit log. Servers seal what waits for it.
func (d *database) audit(ctx context.Context) (*auditapp.Service, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return newAudit(d.settings, auditstore.New(d.store), Descriptors(), d.clock), nil
}

// AuditEntries lists entries of the audit log.
func (d *database) AuditEntries(ctx context.Context, in auditapp.List) ([]auditapp.Shown, error) {
	a, err := d.audit(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.List(ctx, operator(), in)
	return found.Items, err
}

// VerifyAudit verifies a part of the audit log.
func (d *database) VerifyAudit(ctx context.Context, from, to int64) (auditapp.Verified, error) {
	a, err := d.audit(ctx)
	if err != nil {
		return auditapp.Verified{}, err
	}
	return a.Verify(ctx, operator(), from, to)
}

// ExportAudit returns entries of the audit log from a sequence on.
func (d *database) ExportAudit(ctx context.Context, from int64) (auditapp.Exported, error) {
	a, err := d.audit(ctx)
	if err != nil {
		return auditapp.Exported{}, err
	}
	return a.Export(ctx, operator(), from)
}

// PruneAudit removes entries of the audit log before a time.
func (d *database) PruneAudit(ctx context.Context, before time.Time) (auditapp.Pruned, error) {
	a, err := d.audit(ctx)
	if err != nil {
		return auditapp.Pruned{}, err
	}
	return a.Prune(ctx, scope.Actor{}, before)
}

// keyRing returns the use cases of encryption keys.
func (d *database) keyRing(ctx context.Context) (*configapp.KeyRing, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	cipher, err := newCipher(d.settings, zap.NewNop())
	if err != nil {
		return nil, fmt.Errorf("read the encryption keys: %w", err)
	}
	return newKeyRing(d.store, cipher, auditstore.New(d.store), d.clock, system.NewBackoff()), nil
}

// Encryption counts the encrypted values by key.
func (d *database) Encryption(ctx context.Context) (configapp.KeyRingStatus, error) {
	ring, err := d.keyRing(ctx)
	if err != nil {
		return configapp.KeyRingStatus{}, err
	}
	return ring.Status(ctx, operator())
}

// RotateEncryption encrypts some values under the current key.
func (d *database) RotateEncryption(
	ctx context.Context, after configuration.TokenPlace, limit int,
) (configapp.Rotated, error) {
	ring, err := d.keyRing(ctx)
	if err != nil {
		return configapp.Rotated{}, err
	}
	return ring.Rotate(ctx, operator(), after, limit)
}

// RetireEncryption forgets a key that encrypts nothing.
func (d *database) RetireEncryption(ctx context.Context, fingerprint string) error {
	ring, err := d.keyRing(ctx)
	if err != nil {
		return err
	}
	return ring.Retire(ctx, operator(), fingerprint)
}

// ready returns nil if the schema is this binary's. Only 'migrate up' changes it, since
// servers of an earlier version may be running on it.
func (d *database) ready(ctx context.Context) error {
	if err := d.store.CheckSchema(ctx); err != nil {
		return aboutDatabase(d.settings, err)
	}
	return aboutDatabase(d.settings, feedstore.LearnTime(ctx, d.store))
}

// Close closes the database.
func (d *database) Close() error {
	if err := d.store.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}
