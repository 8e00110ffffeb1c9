package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/auditstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// openStore opens a new database on PostgreSQL.
func (b *bench) openStore(ctx context.Context, purpose string) (*bunstore.Store, func(), error) {
	url, drop, err := createDatabase(ctx, b, purpose)
	if err != nil {
		return nil, nil, err
	}
	store, err := bunstore.OpenPostgres(ctx, url, bunstore.Options{IDs: system.NewIDs()})
	if err != nil {
		drop()
		return nil, nil, fmt.Errorf("open the database: %w", err)
	}
	closeBoth := func() {
		_ = store.Close()
		drop()
	}
	if _, err := store.Migrate(ctx); err != nil {
		closeBoth()
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	return store, closeBoth, nil
}

// anybody is a caller that may do everything.
func anybody() access.Caller { return access.Caller{Grants: access.Unrestricted()} }

// auditEntries is how many entries are verified.
const auditEntries = 100_000

// auditVerify measures how many entries of the audit log are verified per second.
func auditVerify(ctx context.Context, b *bench) (outcome, error) {
	store, done, err := b.openStore(ctx, "audit")
	if err != nil {
		return outcome{}, err
	}
	defer done()
	trail := auditstore.New(store)
	service := auditapp.New(auditapp.Dependencies{Trail: trail, Clock: system.NewClock()})
	if err := fillAudit(ctx, trail, service); err != nil {
		return outcome{}, err
	}
	var figures []float64
	for range b.rounds {
		began := time.Now()
		for from := int64(1); from != 0; {
			v, err := service.Verify(ctx, anybody(), from, 0)
			if err != nil {
				return outcome{}, fmt.Errorf("verify: %w", err)
			}
			if v.Broken != nil {
				return outcome{}, fmt.Errorf("the log is broken at %d", v.Broken.Sequence)
			}
			from = v.Next
		}
		figures = append(figures, auditEntries/time.Since(began).Seconds())
	}
	return outcome{value: median(figures)}, nil
}

func fillAudit(ctx context.Context, trail *auditstore.Trail, service *auditapp.Service) error {
	records := make([]audit.Record, 1000)
	for n := range auditEntries / len(records) {
		for i := range records {
			records[i] = audit.Record{
				At: time.Now().UTC().Truncate(time.Microsecond), Actor: scope.Actor{KeyID: "4fT0aQ9z", Name: "deploy"},
				Source: "192.0.2.1", RequestID: "01a21933-83cf-74e4-b1c5-dbda89b6bc60", Action: "configuration.updated",
				Outcome: audit.Done, Count: 1, VersionBefore: 1, VersionAfter: 2, Resource: audit.Resource{
					Type: "configuration", ID: strconv.Itoa(n), Environment: "production", ServiceName: "shop",
					Name: "database.url." + strconv.Itoa(i),
				},
				Facts: map[string]string{"is_encrypted": "false", "key": "database.url"},
			}
		}
		if err := trail.Add(ctx, records...); err != nil {
			return fmt.Errorf("add records: %w", err)
		}
	}
	for {
		n, err := service.Seal(ctx)
		if err != nil {
			return fmt.Errorf("seal: %w", err)
		}
		if n == 0 {
			return nil
		}
	}
}

const (
	// RotatedConfigurations have two tokens each: their value, and that of their version.
	rotatedConfigurations = 10_000
	// ReadsBeside is how many reads per second there are beside the rotation.
	readsBeside = 500
)

// rotate measures how many values are encrypted under another key per second, beside reads.
func rotate(ctx context.Context, b *bench) (outcome, error) {
	store, done, err := b.openStore(ctx, "rotate")
	if err != nil {
		return outcome{}, err
	}
	defer done()
	var keys []secret.Text
	key, err := fernetcipher.GenerateKey()
	if err != nil {
		return outcome{}, fmt.Errorf("generate a key: %w", err)
	}
	keys = append(keys, key)
	if err := fillSealed(ctx, store, key); err != nil {
		return outcome{}, err
	}
	var figures []float64
	for range b.rounds {
		if key, err = fernetcipher.GenerateKey(); err != nil {
			return outcome{}, fmt.Errorf("generate a key: %w", err)
		}
		keys = append([]secret.Text{key}, keys[0])
		rate, err := rotateOnce(ctx, store, keys)
		if err != nil {
			return outcome{}, err
		}
		figures = append(figures, rate)
	}
	return outcome{value: median(figures)}, nil
}

func fillSealed(ctx context.Context, store *bunstore.Store, key secret.Text) error {
	cipher, err := fernetcipher.New(key, true)
	if err != nil {
		return fmt.Errorf("open a cipher: %w", err)
	}
	configurations := configstore.New(store)
	var batch []*configuration.Configuration
	for n := range rotatedConfigurations {
		token, err := cipher.Encrypt(ctx, secret.New("postgres://user:password@host/"+strconv.Itoa(n)))
		if err != nil {
			return fmt.Errorf("encrypt: %w", err)
		}
		identity, err := sealedIdentity(n)
		if err != nil {
			return err
		}
		batch = append(batch, configuration.New(identity, configuration.Draft{Content: configuration.Sealed(token)},
			scope.Stamp{At: time.Now().UTC().Truncate(time.Microsecond)}))
		if len(batch) == 500 {
			if err := configurations.Save(ctx, batch...); err != nil {
				return fmt.Errorf("save: %w", err)
			}
			batch = nil
		}
	}
	return nil
}

func sealedIdentity(n int) (configuration.Identity, error) {
	environment, err := scope.ParseEnvironment("production")
	if err != nil {
		return configuration.Identity{}, fmt.Errorf("name an environment: %w", err)
	}
	service, err := scope.ParseServiceName("shop")
	if err != nil {
		return configuration.Identity{}, fmt.Errorf("name a service: %w", err)
	}
	key, err := configuration.ParseKey("sealed." + strconv.Itoa(n))
	if err != nil {
		return configuration.Identity{}, fmt.Errorf("name a key: %w", err)
	}
	return configuration.Identity{Environment: environment, Service: service, Key: key}, nil
}

func rotateOnce(ctx context.Context, store *bunstore.Store, keys []secret.Text) (float64, error) {
	cipher, err := fernetcipher.NewRing(keys, true)
	if err != nil {
		return 0, fmt.Errorf("open a cipher: %w", err)
	}
	ring := configapp.NewKeyRing(configapp.KeyRingDependencies{
		Vault: configstore.NewVault(store), Cipher: cipher, Canaries: keystore.NewCanaries(store),
		Replicas: feedstore.NewReplicas(store), Trail: auditstore.New(store), Clock: system.NewClock(), Backoff: system.NewBackoff(),
	})
	reading, stop := context.WithCancel(ctx)
	defer stop()
	go readBeside(reading, configstore.New(store))
	began, rotated := time.Now(), 0
	for place := (configuration.TokenPlace{}); ; {
		r, err := ring.Rotate(ctx, anybody(), place, configapp.MaxRotated)
		if err != nil {
			return 0, fmt.Errorf("rotate: %w", err)
		}
		rotated += r.Rotated
		if place = r.Next; place == (configuration.TokenPlace{}) {
			break
		}
	}
	if rotated != 2*rotatedConfigurations {
		return 0, fmt.Errorf("%d values were rotated", rotated)
	}
	return float64(rotated) / time.Since(began).Seconds(), nil
}

// readBeside reads configurations until ctx ends.
func readBeside(ctx context.Context, configurations *configstore.Repository) {
	tick := time.NewTicker(time.Second / readsBeside)
	defer tick.Stop()
	for n := 0; ; n = (n + 1) % rotatedConfigurations {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if identity, err := sealedIdentity(n); err == nil {
			_, _ = configurations.FindByIdentity(ctx, identity) // its time is what matters
		}
	}
}
