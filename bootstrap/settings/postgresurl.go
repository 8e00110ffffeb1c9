package settings

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
)

// postgresParameters are the parameters of a PostgreSQL URL. The names of libpq
// (PostgreSQL's documentation, 34.1.2 "Parameter Key Words"), asyncpg, JDBC and providers
// of databases are known; each is translated to the driver's, ignored with a warning, or
// refused. Those about security are never ignored.
type postgresParameters struct {
	url      *url.URL
	query    url.Values
	warnings []string
}

// handler translates one parameter; it has removed or changed it in the query, or returns
// why its value is refused.
type handler func(p *postgresParameters, name, value string) error

// handlers returns the known parameters.
func handlers() map[string]handler {
	known := map[string]handler{
		"user": (*postgresParameters).account, "password": (*postgresParameters).account,
		"dbname": (*postgresParameters).database, "port": (*postgresParameters).port,
		"host": (*postgresParameters).host, "ssl": (*postgresParameters).ssl, "sslmode": (*postgresParameters).sslmode,
		"sslrootcert": (*postgresParameters).rootCertificate, "options": (*postgresParameters).options,
		"schema": (*postgresParameters).schema, "currentSchema": (*postgresParameters).schema,
		"target_session_attrs": only("any", "read-write", "primary"),
		"targetServerType":     only("any", "primary"),
		"channel_binding":      only("disable", "prefer"),
		"gssencmode":           only("disable", "prefer", "allow"),
		"sslcertmode":          only("allow", "disable"),
		"sslnegotiation":       only("postgres"),
		"sslcompression":       only("0"),
		"client_encoding":      only("utf8", "UTF8", "utf-8", "UTF-8", "auto"),
		// The driver's TLS begins with version 1.2.
		"ssl_min_protocol_version": only("TLSv1", "TLSv1.1", "TLSv1.2"),
		"ssl_max_protocol_version": only(""), "sslcrl": only(""), "sslcrldir": only(""), "sslpassword": only(""),
		"require_auth": only(""), "requirepeer": only(""), "service": only(""), "servicefile": only(""),
		"passfile": only(""), "sslfactory": only(""), "hostaddr": only(""), "replication": only("false"),
		"scram_client_key": only(""), "scram_server_key": only(""),
	}
	for _, name := range []string{
		"connect_timeout", "timeout", "dial_timeout", "read_timeout", "write_timeout",
		"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
	} {
		known[name] = matching(`^[0-9]{1,9}(ms|s|m|min|h)?$`, "must be a duration, such as 10 or 10s")
	}
	for _, name := range []string{"sslcert", "sslkey", "application_name", "search_path", "timezone", "TimeZone"} {
		known[name] = matching(`.`, "must not be empty")
	}
	known["pool_max_conns"] = matching(`^[1-9][0-9]{0,4}$`, "must be a number of connections from 1")
	known["default_transaction_isolation"] = matching(`(?i)^(read committed|repeatable read|serializable)$`,
		"must be read committed, repeatable read or serializable")
	for _, name := range []string{
		"fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"tcp_user_timeout", "sslsni", "gsslib", "krbsrvname", "gssdelegation", "load_balance_hosts",
		"min_protocol_version", "max_protocol_version", "prepared_statement_cache_size",
		"prepared_statement_name_func", "statement_cache_size",
		"max_cached_statement_lifetime", "max_cacheable_statement_size",
		"command_timeout", "async_fallback", "pgbouncer",
		"connection_limit", "pool_timeout", "pool_size", "max_overflow", "pool_min_conns",
		"socket_timeout", "socketTimeout",
		"loginTimeout", "connectTimeout", "tcpKeepAlive", "prepareThreshold", "preparedStatementCacheQueries",
		"reWriteBatchedInserts", "supa", "workaround",
	} {
		known[name] = (*postgresParameters).ignore
	}
	return known
}

// translate replaces all parameters by those of the driver.
func (p *postgresParameters) translate() error {
	known := handlers()
	given := p.query
	p.query = url.Values{}
	if given.Has("ssl") && given.Has("sslmode") {
		return reasonError("give ssl or sslmode, not both")
	}
	for _, name := range sortedNames(given) {
		if len(given[name]) != 1 {
			return reasonError("give each parameter once")
		}
		handle, found := known[name]
		if !found {
			return unknownParameter(name, known)
		}
		p.query.Set(name, given.Get(name))
		if err := handle(p, name, given.Get(name)); err != nil {
			return err
		}
	}
	return p.check()
}

// sortedNames returns the names so that "port" comes before "host", which needs it.
func sortedNames(query url.Values) []string {
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	if i := slices.Index(names, "host"); i >= 0 {
		names = append(slices.Delete(names, i, i+1), "host")
	}
	return names
}

// unknownParameter names the nearest known parameter. The name is not shown where it may
// be a part of a password.
func unknownParameter(name string, known map[string]handler) error {
	const rule = "; parameters of the server are given as options=-c%20NAME%3DVALUE"
	closest, distance := "", len(name)
	for candidate := range known {
		d := levenshtein.ComputeDistance(name, candidate)
		if d < distance || d == distance && candidate < closest {
			closest, distance = candidate, d
		}
	}
	if distance <= 2 {
		return reasonError("a parameter is unknown; did you mean " + closest + "?")
	}
	return reasonError("a parameter is unknown" + rule)
}

// ignore leaves a parameter out, and warns.
func (p *postgresParameters) ignore(name, _ string) error {
	p.query.Del(name)
	p.warnings = append(p.warnings, "parameter "+name+" of DATABASE_URL is ignored")
	return nil
}

// only returns a handler for a parameter of which the driver supports some values, which
// need nothing to be done; "" for none.
func only(values ...string) handler {
	return func(p *postgresParameters, name, value string) error {
		p.query.Del(name)
		if slices.Contains(values, value) {
			return nil
		}
		if len(values) == 1 && values[0] == "" {
			return reasonError("parameter " + name + " is not supported")
		}
		return reasonError("of parameter " + name + ", the supported values are " + strings.Join(values, ", "))
	}
}

// matching returns a handler for a parameter of the driver or the server, whose value must
// match.
func matching(pattern, rule string) handler {
	return func(_ *postgresParameters, name, value string) error {
		if !regexp.MustCompile(pattern).MatchString(value) {
			return reasonError("parameter " + name + " " + rule)
		}
		return nil
	}
}

// account moves the user or the password to its place in the URL.
func (p *postgresParameters) account(name, value string) error {
	p.query.Del(name)
	user := p.url.User.Username()
	password, given := p.url.User.Password()
	switch {
	case name == "user" && user == "":
		user = value
	case name == "password" && !given:
		password, given = value, true
	default:
		return reasonError("give the " + name + " once, before the host or as a parameter")
	}
	p.url.User = url.User(user)
	if given {
		p.url.User = url.UserPassword(user, password)
	}
	return nil
}

// take removes a parameter and returns its value.
func (p *postgresParameters) take(name string) string {
	defer p.query.Del(name)
	return p.query.Get(name)
}

func (p *postgresParameters) database(name, value string) error {
	p.query.Del(name)
	if len(p.url.Path) > 1 {
		return reasonError("give the database once, as the path or as dbname")
	}
	p.url.Path = "/" + value
	return nil
}

func (p *postgresParameters) port(name, value string) error {
	p.query.Del(name)
	if n, err := strconv.ParseUint(value, 10, 16); err != nil || n == 0 {
		return reasonError("parameter port must be a port")
	}
	if p.url.Port() != "" {
		return reasonError("give the port once, after the host or as a parameter")
	}
	p.url.Host = net.JoinHostPort(p.url.Hostname(), value)
	return nil
}

// host moves a host to its place. A socket's folder becomes the path of the socket, as
// libpq finds it.
func (p *postgresParameters) host(name, value string) error {
	port := p.url.Port()
	p.query.Del(name)
	switch {
	case p.url.Hostname() != "":
		return reasonError("give the host once, in the URL or as a parameter")
	case strings.Contains(value, ","):
		return reasonError("name one host; several hosts are not supported")
	case !strings.HasPrefix(value, "/"):
		p.url.Host = value
		if port != "" {
			p.url.Host = net.JoinHostPort(value, port)
		}
		return nil
	}
	if !strings.Contains(value, "/.s.PGSQL.") {
		if port == "" {
			port = "5432"
		}
		value = strings.TrimSuffix(value, "/") + "/.s.PGSQL." + port
	}
	p.url.Host = ""
	p.query.Set(name, value)
	return nil
}

// ssl is asyncpg's name of sslmode; for JDBC, true verifies the server completely.
func (p *postgresParameters) ssl(name, value string) error {
	p.query.Del(name)
	switch value {
	case "true":
		value = "verify-full"
	case "false":
		value = "disable"
	}
	p.query.Set("sslmode", value)
	return p.sslmode("ssl", value)
}

func (p *postgresParameters) sslmode(name, value string) error {
	modes := []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
	if !slices.Contains(modes, value) {
		return reasonError("parameter " + name + " must be one of " + strings.Join(modes, ", "))
	}
	return nil
}

// rootCertificate accepts a file. The word "system" is the operating system's certificates,
// which need sslmode=verify-full, as libpq has it.
func (p *postgresParameters) rootCertificate(name, value string) error {
	if value == "system" {
		p.query.Del(name)
		if mode := p.query.Get("sslmode"); mode != "" && mode != "verify-full" {
			return reasonError("sslrootcert=system needs sslmode=verify-full")
		}
		p.query.Set("sslmode", "verify-full")
	}
	return nil
}

func (p *postgresParameters) schema(name, value string) error {
	p.query.Del(name)
	p.query.Set("search_path", value)
	return nil
}

// options reads settings of the session: "-c name=value" and "--name=value", separated by
// spaces.
func (p *postgresParameters) options(name, value string) error {
	p.query.Del(name)
	fields := strings.Fields(strings.ReplaceAll(value, "-c ", "-c"))
	setting := regexp.MustCompile(`^(?:-c|--)([A-Za-z_][A-Za-z0-9_.-]*)=(.+)$`)
	for _, field := range fields {
		parts := setting.FindStringSubmatch(field)
		if parts == nil {
			return reasonError("parameter options must be settings such as -c search_path=config")
		}
		p.query.Set(strings.ReplaceAll(parts[1], "-", "_"), parts[2])
	}
	return nil
}

// check refuses parameters that the driver would ignore in this combination.
func (p *postgresParameters) check() error {
	if p.query.Has("sslcert") != p.query.Has("sslkey") {
		return reasonError("sslcert and sslkey belong together")
	}
	mode := p.query.Get("sslmode")
	unused := mode == "" || mode == "disable"
	switch {
	case p.query.Has("sslcert") && unused, p.query.Has("sslrootcert") && unused:
		return reasonError("sslcert, sslkey and sslrootcert need sslmode=require, verify-ca or verify-full")
	case p.query.Has("sslrootcert") && (mode == "prefer" || mode == "allow"):
		return reasonError("sslrootcert needs sslmode=require, verify-ca or verify-full")
	case mode == "verify-ca" && p.query.Get("sslrootcert") == "":
		return reasonError("sslmode=verify-ca needs sslrootcert, a file of the authority; " +
			"sslmode=verify-full accepts those of the system")
	}
	return nil
}
