package settings

import "fmt"

// serverTLS returns the wrong combinations of the server's certificate.
func (s Settings) serverTLS() []string {
	if s.TLSClientCAs != "" && s.TLSCertificate == "" && s.TLSKey == "" {
		return []string{"TLS_CLIENT_CA_FILE: set TLS_CERT_FILE and TLS_KEY_FILE, too"}
	}
	return bothOrNone("TLS_CERT_FILE", s.TLSCertificate, "TLS_KEY_FILE", s.TLSKey)
}

// redisTLS returns the wrong combinations of the settings of Redis.
func (s Settings) redisTLS() (problems []string) {
	if s.RedisUsername != "" && s.RedisPassword.IsZero() {
		problems = append(problems, "REDIS_USERNAME: set REDIS_PASSWORD, too")
	}
	if !s.RedisTLS {
		for _, f := range []setting{
			{"REDIS_TLS_CA_FILE", s.RedisTLSAuthorities},
			{"REDIS_TLS_CERT_FILE", s.RedisTLSCertificate},
			{"REDIS_TLS_KEY_FILE", s.RedisTLSKey},
		} {
			problems = f.unused(problems, "REDIS_TLS=true")
		}
		return problems
	}
	return append(problems,
		bothOrNone("REDIS_TLS_CERT_FILE", s.RedisTLSCertificate, "REDIS_TLS_KEY_FILE", s.RedisTLSKey)...)
}

// kafkaSecurity returns the wrong combinations of the settings of Kafka.
func (s Settings) kafkaSecurity() (problems []string) {
	mechanism := ""
	if !s.KafkaMechanism.IsZero() {
		mechanism = "set"
	}
	for _, f := range []setting{
		{"KAFKA_SASL_MECHANISM", mechanism},
		{"KAFKA_SASL_USERNAME", s.KafkaUsername},
		{"KAFKA_SASL_PASSWORD", s.KafkaPassword.Reveal()},
	} {
		if s.KafkaProtocol.SASL() {
			problems = f.missing(problems, "KAFKA_SECURITY_PROTOCOL="+s.KafkaProtocol.String())
		} else {
			problems = f.unused(problems, "KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT")
		}
	}
	if s.KafkaProtocol.TLS() {
		return append(problems,
			bothOrNone("KAFKA_SSL_CERT_FILE", s.KafkaTLSCertificate, "KAFKA_SSL_KEY_FILE", s.KafkaTLSKey)...)
	}
	for _, f := range []setting{
		{"KAFKA_SSL_CA_FILE", s.KafkaTLSAuthorities},
		{"KAFKA_SSL_CERT_FILE", s.KafkaTLSCertificate},
		{"KAFKA_SSL_KEY_FILE", s.KafkaTLSKey},
	} {
		problems = f.unused(problems, "KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL")
	}
	return problems
}

// setting is a setting that depends on another one.
type setting struct{ name, value string }

// unused adds a problem if it is set, which needs another setting.
func (f setting) unused(problems []string, needs string) []string {
	if f.value == "" {
		return problems
	}
	return append(problems, fmt.Sprintf("%s: leave it out, or set %s", f.name, needs))
}

// missing adds a problem if it is not set, although another setting needs it.
func (f setting) missing(problems []string, needed string) []string {
	if f.value != "" {
		return problems
	}
	return append(problems, fmt.Sprintf("%s: set it, since %s needs it", f.name, needed))
}

// bothOrNone returns a problem if one of a certificate and its key is missing.
func bothOrNone(certificate, path, key, keyPath string) []string {
	if (path == "") == (keyPath == "") {
		return nil
	}
	return []string{certificate + " and " + key + ": set both"}
}
