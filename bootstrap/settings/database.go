package settings

import (
	"net/url"
	"path"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Database is the database to use; exactly one of SQLite and Postgres is not empty.
type Database struct {
	// SQLite is the path of a file, or ":memory:".
	SQLite string
	// Postgres is a connection URL, which may contain a password. Its parameters are those
	// of the driver.
	Postgres secret.Text
	// RootCertificate, Certificate and Key are the files that sslrootcert, sslcert and sslkey
	// of the URL named; empty if they were not given.
	RootCertificate, Certificate, Key string
	// Warnings name the parameters of the URL that are ignored.
	Warnings []string
}

// UnmarshalText reads a database URL; its scheme selects the store. The schemes of
// SQLAlchemy are accepted with the names of their drivers.
func (d *Database) UnmarshalText(text []byte) error {
	scheme, rest, found := strings.Cut(string(text), "://")
	if !found || strings.ContainsAny(scheme, ": =") {
		return reasonError("use a URL: sqlite://FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	kind, _, driver := strings.Cut(scheme, "+")
	var err error
	switch kind {
	case "sqlite":
		*d, err = readSQLite(rest, driver)
	case "postgres", "postgresql":
		*d, err = readPostgres(rest)
	default:
		err = errNotAllowed
	}
	return err
}

// readSQLite reads a path. With a driver in the scheme it is written as for SQLAlchemy:
// three slashes begin a relative path, four an absolute one.
func readSQLite(file string, driver bool) (Database, error) {
	if driver {
		file = strings.TrimPrefix(file, "/")
	}
	switch {
	case file == "":
		return Database{}, reasonError("name a file, such as sqlite://signalbox.db, or sqlite://:memory:")
	case strings.ContainsAny(file, "?#\x00"):
		return Database{}, reasonError("a SQLite URL has a path alone, without parameters")
	case strings.HasPrefix(file, "/"):
		file = path.Clean(file) // four slashes are an absolute path as well
	}
	return Database{SQLite: file}, nil
}

// readPostgres reads what follows the scheme of a PostgreSQL URL.
func readPostgres(rest string) (Database, error) {
	u, err := parsePostgres(rest)
	if err != nil {
		return Database{}, err
	}
	p := postgresParameters{url: u, query: u.Query()}
	if err := p.translate(); err != nil {
		return Database{}, err
	}
	d := Database{
		RootCertificate: p.take("sslrootcert"), Certificate: p.take("sslcert"), Key: p.take("sslkey"),
		Warnings: p.warnings,
	}
	u.RawQuery = p.query.Encode()
	d.Postgres = secret.New(u.String())
	return d, nil
}

// errCharacters is the reason for a URL whose parts cannot be distinguished.
const errCharacters = reasonError("percent-encode special characters in the user, the password and a socket's path: " +
	"% as %25, # as %23, / as %2F, ? as %3F, @ as %40, : as %3A")

// parsePostgres parses a URL without its scheme. A socket's folder as its host, encoded as
// libpq has it, becomes the parameter host.
func parsePostgres(rest string) (*url.URL, error) {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@') + 1
	authority, socket := rest[:end], ""
	if host := rest[at:end]; len(host) > 2 && strings.EqualFold(host[:3], "%2F") {
		folder, err := url.PathUnescape(host)
		if err != nil {
			return nil, errCharacters
		}
		authority, socket = rest[:at], folder
	}
	if strings.Contains(authority[at:], ",") {
		return nil, reasonError("name one host; several hosts are not supported, " +
			"so name the address that leads to the primary")
	}
	u, err := url.Parse("postgres://" + authority + rest[end:])
	if err != nil || u.Fragment != "" || strings.Contains(u.Path, "@") || strings.HasSuffix(rest, "#") {
		return nil, errCharacters
	}
	query := u.Query()
	if socket != "" {
		query.Set("host", socket)
	}
	u.RawQuery = query.Encode()
	if u.Host == "" && query.Get("host") == "" {
		return nil, reasonError("name the host: postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	return u, nil
}

// String returns the kind of database, without its address.
func (d Database) String() string {
	if d.SQLite != "" {
		return "SQLite"
	}
	return "PostgreSQL"
}

// Place returns the location of the database: its file, or its name, host and port. It
// never contains credentials.
func (d Database) Place() string {
	if d.SQLite != "" {
		return "SQLite file " + d.SQLite
	}
	u, err := url.Parse(d.Postgres.Reveal())
	if err != nil {
		return "PostgreSQL"
	}
	host := u.Host
	if socket := u.Query().Get("host"); socket != "" {
		host = socket
	}
	return "PostgreSQL database " + strings.TrimPrefix(u.Path, "/") + " at " + host
}
