package settings

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Settings is everything that can be set. The tags are the source of the
// documentation: doc says what for, allowed what is accepted.
type Settings struct {
	ServiceName string   `env:"SERVICE_NAME" envDefault:"config-service" group:"Service" doc:"Name that /health and the log lines show" allowed:"any text"`
	Port        Port     `env:"SERVICE_PORT" envDefault:"8082" group:"Service" doc:"Port to listen on; 0 takes any free one" allowed:"0 to 65535"`
	LogLevel    LogLevel `env:"LOG_LEVEL" envDefault:"INFO" group:"Service" doc:"Least severe line to log" allowed:"DEBUG, INFO, WARNING or ERROR"`
	Shutdown    Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"20" group:"Service" doc:"How long a stop waits for running requests" allowed:"seconds, or a duration such as 20s"`

	Environments Environments `env:"SUPPORTED_ENVIRONMENTS" envDefault:"development,staging,production" group:"Service" doc:"Environments that exist here" allowed:"names of a-z 0-9 . _ - separated by commas"`

	DefaultEnvironment string  `env:"DEFAULT_ENVIRONMENT" envDefault:"production" group:"Service" doc:"Where OFREP evaluates when a request names no environment" allowed:"one of SUPPORTED_ENVIRONMENTS"`
	CORSOrigins        Origins `env:"CORS_ALLOWED_ORIGINS" group:"Service" doc:"Origins whose browsers may call OFREP; unset: none" allowed:"origins such as https://app.example.com separated by commas, or *"`

	Database       Database `env:"DATABASE_URL" envDefault:"sqlite://signalbox.db" group:"Database" doc:"Where everything is kept" allowed:"sqlite://FILE, postgres://, postgresql:// or postgresql+asyncpg://"`
	MigrateOnStart bool     `env:"MIGRATE_ON_START" envDefault:"true" group:"Database" doc:"Bring the database up to date at the start" allowed:"true or false"`

	AuthEnabled    bool   `env:"AUTH_ENABLED" envDefault:"true" group:"Access" doc:"Ask for API keys at all; false allows everything to everybody" allowed:"true or false"`
	RequireAPIKey  bool   `env:"REQUIRE_API_KEY" envDefault:"true" group:"Access" doc:"Ask for a key for reads too" allowed:"true or false"`
	AllowAnonymous bool   `env:"ALLOW_ANONYMOUS_ACCESS" envDefault:"false" group:"Access" doc:"Let reads go without a key; encrypted values stay hidden" allowed:"true or false"`
	FirstKey       APIKey `env:"BOOTSTRAP_ADMIN_KEY" group:"Access" secret:"true" doc:"The first admin key on an empty database, instead of one that is made and printed" allowed:"a key as 'signalbox key create' prints it"`
	Pepper         Pepper `env:"API_KEY_PEPPER" group:"Access" secret:"true" doc:"Server secret under which API keys are stored; unset: made at the first start and kept in the database" allowed:"at least 32 characters"`

	MaxStreams Streams `env:"MAX_STREAMS" envDefault:"10000" group:"Service" doc:"Streams and long polls that may be open on one replica; one API key may have half of them, and so may all callers without a key" allowed:"2 to 1000000"`

	EnableEncryption bool          `env:"ENABLE_ENCRYPTION" envDefault:"false" group:"Encryption" doc:"Store values encrypted where a configuration says so" allowed:"true or false"`
	EncryptionKey    EncryptionKey `env:"ENCRYPTION_KEY" group:"Encryption" secret:"true" doc:"Fernet key; make one with 'signalbox keygen'" allowed:"base64 of 32 bytes"`

	RedisHost     string      `env:"REDIS_HOST" group:"Redis" doc:"Redis to share leases, and what was read, through, for more than one replica; unset: in process" allowed:"a host name or address"`
	RedisPort     Port        `env:"REDIS_PORT" envDefault:"6379" group:"Redis" doc:"Port of Redis" allowed:"0 to 65535"`
	RedisPassword secret.Text `env:"REDIS_PASSWORD" group:"Redis" secret:"true" doc:"Password of Redis" allowed:"any text"`

	CacheMaxBytes  Bytes `env:"CACHE_MAX_BYTES" envDefault:"64MiB" group:"Service" doc:"Memory for configurations and flags that are read most" allowed:"bytes, or such as 64MiB; 1MiB to 2GiB"`
	ResponseMemory Bytes `env:"RESPONSE_MEMORY" envDefault:"64MiB" group:"Service" doc:"Memory for long answers that are being sent; further ones wait for a second, and then get 503" allowed:"bytes, or such as 64MiB; 1MiB to 2GiB"`

	ConfigCacheTTL  Duration `env:"CONFIG_CACHE_TTL" envDefault:"300" group:"Redis" doc:"How long a configuration that was read lives in Redis, a fifth more or less" allowed:"seconds, or a duration such as 5m"`
	FlagCacheTTL    Duration `env:"FEATURE_FLAG_CACHE_TTL" envDefault:"300" group:"Redis" doc:"How long a flag that was read lives in Redis, a fifth more or less" allowed:"seconds, or a duration such as 5m"`
	ServiceCacheTTL Duration `env:"SERVICE_REGISTRY_TTL" envDefault:"300" group:"Redis" doc:"For how long Redis shows a service that is not shown again" allowed:"seconds, or a duration such as 5m"`

	RegistryServices  Count `env:"REGISTRY_MAX_SERVICES" envDefault:"10000" group:"Registry" doc:"How many services may be registered" allowed:"1 to 10000000"`
	RegistryInstances Count `env:"REGISTRY_MAX_INSTANCES" envDefault:"200000" group:"Registry" doc:"How many instances of all services may be registered" allowed:"1 to 10000000"`
	RegistryMetadata  Bytes `env:"REGISTRY_MAX_METADATA_BYTES" envDefault:"256MiB" group:"Registry" doc:"How much metadata all services and instances may hold together" allowed:"bytes, or such as 256MiB; 1MiB to 2GiB"`

	TrustedProxies Proxies  `env:"TRUSTED_PROXIES" group:"Registry" doc:"Proxies whose X-Forwarded-For says which address a registration came from; unset: none, and registrations through a proxy have no address" allowed:"addresses and CIDR blocks separated by commas"`
	ProbesEnabled  bool     `env:"PROBES_ENABLED" envDefault:"true" group:"Registry" doc:"Make health checks of instances; false leaves their state to leases and reports" allowed:"true or false"`
	ProbeAllow     Prefixes `env:"PROBE_ALLOW_CIDRS" group:"Registry" doc:"Private networks, also loopback, whose addresses health checks may dial for any instance, look into bodies of, and tell in what way a check failed; unset: private addresses only for registrations from the very address" allowed:"CIDR blocks such as 10.0.0.0/8 separated by commas"`

	KafkaServers Brokers `env:"KAFKA_BOOTSTRAP_SERVERS" group:"Kafka" doc:"Brokers to publish changes to; unset: in process" allowed:"host:port, separated by commas"`
	// KafkaTopics are the modules' settings, by name.
	KafkaTopics       Topics `topics:"true" group:"Kafka" allowed:"1 to 249 of a-z A-Z 0-9 . _ -"`
	KafkaCreateTopics bool   `env:"KAFKA_CREATE_TOPICS" envDefault:"true" group:"Kafka" doc:"Make topics that are missing, with 12 partitions" allowed:"true or false"`
	KafkaReplication  Copies `env:"KAFKA_TOPIC_REPLICATION" envDefault:"1" group:"Kafka" doc:"Replicas of topics that are made" allowed:"1 to 32767"`

	FeedRetention     Duration `env:"FEED_RETENTION" envDefault:"168h" group:"Feed" doc:"How long changes are kept for who follows them; what was not published is kept longer" allowed:"seconds, or a duration such as 168h"`
	FeedRetentionRows Rows     `env:"FEED_RETENTION_ROWS" envDefault:"1000000" group:"Feed" doc:"How many changes are kept at most" allowed:"1000 or more"`
}

// Policy returns the supported environments.
func (s Settings) Policy() scope.Environments { return s.Environments.policy }

// AnonymousReads reports whether reads go without a key.
func (s Settings) AnonymousReads() bool { return s.AllowAnonymous || !s.RequireAPIKey }

// ShutdownTimeout returns how long a stop waits for running requests.
func (s Settings) ShutdownTimeout() time.Duration { return time.Duration(s.Shutdown) }
