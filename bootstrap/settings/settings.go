package settings

import (
	"time"

	"github.com/signalbox-hq/signalbox/adapters/watermillbus"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Settings are all settings. Their documentation is generated from the tags: doc is the
// purpose, allowed the accepted values.
type Settings struct {
	ServiceName Name     `env:"SERVICE_NAME" envDefault:"config-service" group:"Service" doc:"Name of the service in /health and in the log" allowed:"up to 100 printable characters"`
	Port        Port     `env:"SERVICE_PORT" envDefault:"8082" group:"Service" doc:"Port to listen on; 0 is any free one" allowed:"0 to 65535"`
	LogLevel    LogLevel `env:"LOG_LEVEL" envDefault:"INFO" group:"Service" doc:"Lowest level that is logged" allowed:"DEBUG, INFO, WARNING or ERROR"`
	Shutdown    Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"20" group:"Service" doc:"How long a stop waits for in-flight requests" allowed:"seconds, or a duration such as 20s"`

	TLSCertificate string `env:"TLS_CERT_FILE" group:"Service" doc:"Certificate of the server with its chain, in PEM; enables HTTPS with HTTP/2, and is read again after a change" allowed:"a path"`
	TLSKey         string `env:"TLS_KEY_FILE" group:"Service" doc:"Key of the certificate, in PEM" allowed:"a path"`
	TLSClientCAs   string `env:"TLS_CLIENT_CA_FILE" group:"Service" doc:"Authorities of client certificates, in PEM; set: every client needs a certificate of them" allowed:"a path"`

	Environments Environments `env:"SUPPORTED_ENVIRONMENTS" envDefault:"development,staging,production" group:"Service" doc:"Environments of configurations, flags and instances" allowed:"names of a-z 0-9 . _ - separated by commas"`

	DefaultEnvironment string  `env:"DEFAULT_ENVIRONMENT" envDefault:"production" group:"Service" doc:"Environment of OFREP requests that name none" allowed:"one of SUPPORTED_ENVIRONMENTS"`
	CORSOrigins        Origins `env:"CORS_ALLOWED_ORIGINS" group:"Service" doc:"Origins from which browsers may call OFREP; unset: none" allowed:"origins such as https://app.example.com separated by commas, or *"`

	Database       Database `env:"DATABASE_URL" envDefault:"sqlite://signalbox.db" group:"Database" secret:"true" doc:"Database" allowed:"sqlite://FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE"`
	MigrateOnStart bool     `env:"MIGRATE_ON_START" envDefault:"true" group:"Database" doc:"Migrate the database at the start" allowed:"true or false"`

	AuthEnabled    bool   `env:"AUTH_ENABLED" envDefault:"true" group:"Access" doc:"Require API keys; false gives every request full access" allowed:"true or false"`
	RequireAPIKey  bool   `env:"REQUIRE_API_KEY" envDefault:"true" group:"Access" doc:"Require a key for reads too" allowed:"true or false"`
	AllowAnonymous bool   `env:"ALLOW_ANONYMOUS_ACCESS" envDefault:"false" group:"Access" doc:"Allow reads without a key; encrypted values stay redacted" allowed:"true or false"`
	FirstKey       APIKey `env:"BOOTSTRAP_ADMIN_KEY" group:"Access" secret:"true" doc:"The first admin key on an empty database, instead of a generated one" allowed:"a key as 'signalbox key create' prints it"`
	Pepper         Pepper `env:"API_KEY_PEPPER" group:"Access" secret:"true" doc:"Secret with which API keys are hashed; unset: generated at the first start and stored in the database" allowed:"at least 32 characters"`

	AuditReveals AuditReveals `env:"AUDIT_REVEALS" envDefault:"buffered" group:"Access" doc:"buffered: a revealed value is recorded in memory first, and in the audit log within seconds; strict: values are not revealed while records could not be stored for 30 seconds" allowed:"buffered or strict"`

	AuditBufferFile string    `env:"AUDIT_BUFFER_FILE" group:"Access" doc:"File in which audit records of denied requests and reveals wait while the database is unavailable, one for each replica, on a disk that survives a restart; unset: they wait in memory" allowed:"a path"`
	AuditBufferSize Bytes     `env:"AUDIT_BUFFER_MAX_BYTES" envDefault:"64MiB" group:"Access" doc:"Largest size of AUDIT_BUFFER_FILE; beyond it records wait in memory, and beyond 10,000 there no values are revealed" allowed:"bytes, or such as 64MiB; 1MiB to 2GiB"`
	AuditHeads      Duration  `env:"AUDIT_HEAD_INTERVAL" envDefault:"3600" group:"Access" doc:"How often the head of the audit log is logged, and published to KAFKA_TOPIC_AUDIT_HEADS" allowed:"seconds, or a duration such as 1h"`
	AuditRetention  Retention `env:"AUDIT_RETENTION" envDefault:"0" group:"Access" doc:"Age from which entries of the audit log are removed, with one about that; 0: none are" allowed:"seconds, or a duration such as 8760h; 0"`

	MaxStreams Streams `env:"MAX_STREAMS" envDefault:"10000" group:"Service" doc:"Maximum of open streams and long polls of one replica; one API key may have half of them, and so may all requests without a key" allowed:"2 to 1000000"`

	KeyRate        Requests `env:"RATE_LIMIT_KEY_PER_SECOND" envDefault:"0" group:"Limits" doc:"Requests per second of one API key, over all replicas; 0: any number" allowed:"0 to 1000000"`
	KeyBurst       Requests `env:"RATE_LIMIT_KEY_BURST" envDefault:"0" group:"Limits" doc:"Requests of one API key that are accepted at once; 0: those of one second" allowed:"0 to 1000000"`
	AddressRate    Requests `env:"RATE_LIMIT_ADDRESS_PER_SECOND" envDefault:"0" group:"Limits" doc:"Requests per second of one client address (IPv6: of one /64), over all replicas; 0: any number" allowed:"0 to 1000000"`
	AddressBurst   Requests `env:"RATE_LIMIT_ADDRESS_BURST" envDefault:"0" group:"Limits" doc:"Requests of one client address that are accepted at once; 0: those of one second" allowed:"0 to 1000000"`
	FailedAuthRate Requests `env:"RATE_LIMIT_FAILED_AUTH_PER_MINUTE" envDefault:"60" group:"Limits" doc:"Requests with a wrong API key per minute of one client address, over all replicas; one key id from it may have half of them; 0: any number" allowed:"0 to 1000000"`
	MaxConcurrent  Count    `env:"MAX_CONCURRENT_REQUESTS" envDefault:"1024" group:"Limits" doc:"Maximum of requests that one replica serves at once; as many wait for 100 ms, further ones are 503" allowed:"1 to 10000000"`

	EnableEncryption bool           `env:"ENABLE_ENCRYPTION" envDefault:"false" group:"Encryption" doc:"Store values encrypted if their configuration requires it" allowed:"true or false"`
	EncryptionKeys   EncryptionKeys `env:"ENCRYPTION_KEYS" group:"Encryption" secret:"true" doc:"Fernet keys, instead of ENCRYPTION_KEY: the first one encrypts, all of them decrypt" allowed:"base64 of 32 bytes, several separated by commas"`
	EncryptionKey    EncryptionKey  `env:"ENCRYPTION_KEY" group:"Encryption" secret:"true" doc:"Fernet key; generate one with 'signalbox keygen'" allowed:"base64 of 32 bytes"`

	RedisHost     Host        `env:"REDIS_HOST" group:"Redis" doc:"Redis for leases and the shared cache, needed by more than one replica; unset: in process" allowed:"a host name or address"`
	RedisPort     RemotePort  `env:"REDIS_PORT" envDefault:"6379" group:"Redis" doc:"Port of Redis" allowed:"1 to 65535"`
	RedisUsername string      `env:"REDIS_USERNAME" group:"Redis" doc:"User of Redis' access control lists; unset: the default user" allowed:"any text"`
	RedisPassword secret.Text `env:"REDIS_PASSWORD" group:"Redis" secret:"true" doc:"Password of Redis" allowed:"any text"`

	RedisTLS            bool   `env:"REDIS_TLS" envDefault:"false" group:"Redis" doc:"Connect to Redis by TLS; its certificate must be for REDIS_HOST" allowed:"true or false"`
	RedisTLSAuthorities string `env:"REDIS_TLS_CA_FILE" group:"Redis" doc:"Authorities of the certificate of Redis, in PEM; unset: those of the system" allowed:"a path"`
	RedisTLSCertificate string `env:"REDIS_TLS_CERT_FILE" group:"Redis" doc:"Certificate for Redis with its chain, in PEM; read again after a change" allowed:"a path"`
	RedisTLSKey         string `env:"REDIS_TLS_KEY_FILE" group:"Redis" doc:"Key of the certificate for Redis, in PEM" allowed:"a path"`

	CacheMaxBytes  Bytes `env:"CACHE_MAX_BYTES" envDefault:"64MiB" group:"Service" doc:"Memory of the local cache of configurations and flags" allowed:"bytes, or such as 64MiB; 1MiB to 2GiB"`
	ResponseMemory Bytes `env:"RESPONSE_MEMORY" envDefault:"64MiB" group:"Service" doc:"Memory for large responses in flight; further ones wait for a second, and are 503 after that" allowed:"bytes, or such as 64MiB; 1MiB to 2GiB"`

	GCHeadroom Bytes `env:"GC_HEADROOM" envDefault:"16MiB" group:"Service" doc:"Memory that a small heap may use before it is collected; GOGC in the environment disables this, GOMEMLIMIT bounds it" allowed:"bytes, or such as 16MiB; 1MiB to 2GiB"`

	ConfigCacheTTL  Lifetime `env:"CONFIG_CACHE_TTL" envDefault:"300" group:"Redis" doc:"Lifetime of configurations in the shared cache, plus or minus a fifth; 0 disables the shared cache for them" allowed:"seconds, or a duration such as 5m; 0"`
	FlagCacheTTL    Lifetime `env:"FEATURE_FLAG_CACHE_TTL" envDefault:"300" group:"Redis" doc:"Lifetime of flags in the shared cache, plus or minus a fifth; 0 disables the shared cache for them" allowed:"seconds, or a duration such as 5m; 0"`
	ServiceCacheTTL Duration `env:"SERVICE_REGISTRY_TTL" envDefault:"300" group:"Redis" doc:"Lifetime of a service in the Redis projection unless it is renewed" allowed:"seconds, or a duration such as 5m"`

	RegistryServices  Count `env:"REGISTRY_MAX_SERVICES" envDefault:"10000" group:"Registry" doc:"Maximum of registered services" allowed:"1 to 10000000"`
	RegistryInstances Count `env:"REGISTRY_MAX_INSTANCES" envDefault:"200000" group:"Registry" doc:"Maximum of registered instances of all services" allowed:"1 to 10000000"`
	RegistryMetadata  Bytes `env:"REGISTRY_MAX_METADATA_BYTES" envDefault:"256MiB" group:"Registry" doc:"Maximum of metadata of all services and instances together" allowed:"bytes, or such as 256MiB; 1MiB to 2GiB"`

	TrustedProxies Proxies  `env:"TRUSTED_PROXIES" group:"Registry" doc:"Proxies whose X-Forwarded-For names the address of a registration, and of the client for rate limits; unset: none, and registrations through a proxy have no address" allowed:"addresses and CIDR blocks separated by commas"`
	ProbesEnabled  bool     `env:"PROBES_ENABLED" envDefault:"true" group:"Registry" doc:"Perform health checks of instances; false leaves their state to leases and reports" allowed:"true or false"`
	ProbeAllow     Prefixes `env:"PROBE_ALLOW_CIDRS" group:"Registry" doc:"Private networks, loopback included, in which health checks may dial any address, read bodies and report the cause of a failure; unset: a private address only for registrations from that address" allowed:"CIDR blocks such as 10.0.0.0/8 separated by commas"`

	KafkaServers Brokers `env:"KAFKA_BOOTSTRAP_SERVERS" group:"Kafka" doc:"Brokers to which changes are published; unset: in process" allowed:"host:port, separated by commas"`

	KafkaProtocol       watermillbus.Protocol  `env:"KAFKA_SECURITY_PROTOCOL" envDefault:"PLAINTEXT" group:"Kafka" doc:"How connections to Kafka are protected: by TLS (SSL, SASL_SSL), by a login (SASL_PLAINTEXT, SASL_SSL)" allowed:"PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"`
	KafkaMechanism      watermillbus.Mechanism `env:"KAFKA_SASL_MECHANISM" group:"Kafka" doc:"Mechanism of the login to Kafka" allowed:"PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"`
	KafkaUsername       string                 `env:"KAFKA_SASL_USERNAME" group:"Kafka" doc:"User of the login to Kafka" allowed:"any text"`
	KafkaPassword       secret.Text            `env:"KAFKA_SASL_PASSWORD" group:"Kafka" secret:"true" doc:"Password of the login to Kafka" allowed:"any text"`
	KafkaTLSAuthorities string                 `env:"KAFKA_SSL_CA_FILE" group:"Kafka" doc:"Authorities of the brokers' certificates, in PEM; unset: those of the system" allowed:"a path"`
	KafkaTLSCertificate string                 `env:"KAFKA_SSL_CERT_FILE" group:"Kafka" doc:"Certificate for Kafka with its chain, in PEM; read again after a change" allowed:"a path"`
	KafkaTLSKey         string                 `env:"KAFKA_SSL_KEY_FILE" group:"Kafka" doc:"Key of the certificate for Kafka, in PEM" allowed:"a path"`

	// KafkaTopics are the topics of the modules, by the name of the setting.
	KafkaTopics Topics `topics:"true" group:"Kafka" allowed:"1 to 249 of a-z A-Z 0-9 . _ -"`

	KafkaHeadsTopic Topic `env:"KAFKA_TOPIC_AUDIT_HEADS" envDefault:"audit-heads" group:"Kafka" doc:"Topic of the heads of the audit log" allowed:"1 to 249 of a-z A-Z 0-9 . _ -"`

	KafkaCompression watermillbus.Compression `env:"KAFKA_COMPRESSION" envDefault:"none" group:"Kafka" doc:"Compression of messages; clients need a library for some" allowed:"none, gzip, snappy, lz4 or zstd"`

	KafkaCreateTopics bool   `env:"KAFKA_CREATE_TOPICS" envDefault:"true" group:"Kafka" doc:"Create missing topics, with 12 partitions" allowed:"true or false"`
	KafkaReplication  Copies `env:"KAFKA_TOPIC_REPLICATION" envDefault:"1" group:"Kafka" doc:"Replication factor of created topics" allowed:"1 to 32767"`

	FeedRetention     Duration `env:"FEED_RETENTION" envDefault:"168h" group:"Feed" doc:"Retention of changes in the feed; unpublished changes are kept longer" allowed:"seconds, or a duration such as 168h"`
	FeedRetentionRows Rows     `env:"FEED_RETENTION_ROWS" envDefault:"1000000" group:"Feed" doc:"Maximum of changes in the feed" allowed:"1000 or more"`
}

// Policy returns the supported environments.
func (s Settings) Policy() scope.Environments { return s.Environments.policy }

// AnonymousReads reports whether reads need no key.
func (s Settings) AnonymousReads() bool { return s.AllowAnonymous || !s.RequireAPIKey }

// ShutdownTimeout returns how long a stop waits for in-flight requests.
func (s Settings) ShutdownTimeout() time.Duration { return time.Duration(s.Shutdown) }
