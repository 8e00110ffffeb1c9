package bootstrap

import (
	"crypto/tls"

	"go.uber.org/zap"

	"github.com/signalbox-hq/signalbox/adapters/system"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/bootstrap/tlsfiles"
)

// storeTLS has the configurations of connections to the stores by TLS; nil is none. That of
// the database completes the sslmode of its URL.
type storeTLS struct{ Database, Redis, Kafka *tls.Config }

// readStoreTLS reads the files of the stores that are used. An error names the setting.
func readStoreTLS(s settings.Settings, log *zap.Logger) (all storeTLS, err error) {
	if all.Database, err = databaseTLS(s, log); err != nil {
		return all, err
	}
	if s.RedisHost != "" && s.RedisTLS {
		all.Redis, err = clientTLS("redis", log, tlsfiles.Client{
			Authorities: tlsfiles.File{Setting: "REDIS_TLS_CA_FILE", Path: s.RedisTLSAuthorities},
			Certificate: tlsfiles.File{Setting: "REDIS_TLS_CERT_FILE", Path: s.RedisTLSCertificate},
			Key:         tlsfiles.File{Setting: "REDIS_TLS_KEY_FILE", Path: s.RedisTLSKey},
		})
	}
	if err == nil && len(s.KafkaServers) > 0 && s.KafkaProtocol.TLS() {
		all.Kafka, err = clientTLS("kafka", log, tlsfiles.Client{
			Authorities: tlsfiles.File{Setting: "KAFKA_SSL_CA_FILE", Path: s.KafkaTLSAuthorities},
			Certificate: tlsfiles.File{Setting: "KAFKA_SSL_CERT_FILE", Path: s.KafkaTLSCertificate},
			Key:         tlsfiles.File{Setting: "KAFKA_SSL_KEY_FILE", Path: s.KafkaTLSKey},
		})
	}
	return all, err
}

// databaseTLS reads the files that the URL of PostgreSQL names; nil is none.
func databaseTLS(s settings.Settings, log *zap.Logger) (*tls.Config, error) {
	d := s.Database
	if d.RootCertificate == "" && d.Certificate == "" {
		return nil, nil
	}
	const parameter = "DATABASE_URL: the file of parameter "
	return clientTLS("database", log, tlsfiles.Client{
		Authorities: tlsfiles.File{Setting: parameter + "sslrootcert", Path: d.RootCertificate},
		Certificate: tlsfiles.File{Setting: parameter + "sslcert", Path: d.Certificate},
		Key:         tlsfiles.File{Setting: parameter + "sslkey", Path: d.Key},
	})
}

// clientTLS reads the files of one store.
func clientTLS(store string, log *zap.Logger, files tlsfiles.Client) (*tls.Config, error) {
	config, err := files.Config(system.NewStopwatch().Elapsed, func(err error) {
		if err != nil {
			log.Error("client certificate reload failed; former certificate in use",
				zap.String("store", store), zap.Error(err))
			return
		}
		log.Info("client certificate reloaded", zap.String("store", store))
	})
	if err != nil {
		return nil, settingsError{&settings.InvalidError{Problems: []string{err.Error()}}}
	}
	return config, nil
}
