package registry

import (
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Bounds of an address.
const (
	MaxURLBytes  = 255
	MaxHostBytes = 253
	MaxPorts     = 32
	highestPort  = 65535
)

// URL is where something answers HTTP. The zero value is none.
type URL struct{ text string }

// ParseURL returns the URL of that text: absolute, http or https, with a host, without
// user info, a zone of an address (RFC 6874), control characters, spaces or a fragment,
// valid UTF-8 of at most 255 bytes. Another text is ErrInvalid for that field.
func ParseURL(field, text string) (URL, error) {
	if len(text) > MaxURLBytes {
		return URL{}, fault.Bad(field, "must be at most 255 bytes long")
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] == 0x7f {
			return URL{}, fault.Bad(field, "must not contain spaces or control characters")
		}
	}
	u, err := url.Parse(text)
	switch {
	case !utf8.ValidString(text):
		return URL{}, fault.Bad(field, "must be valid UTF-8")
	case err != nil:
		return URL{}, fault.Bad(field, unparsable(err))
	}
	if reason := urlFault(u); reason != "" {
		return URL{}, fault.Bad(field, reason)
	}
	return URL{text: text}, nil
}

const absolute = "must be an absolute URL that begins with http:// or https://"

// unparsable names the part at which a URL cannot be parsed.
func unparsable(err error) string {
	switch reason := err.Error(); {
	case strings.Contains(reason, "port"):
		return wrongPort
	case strings.Contains(reason, "host"):
		return wrongHost
	case strings.Contains(reason, "escape"):
		return "must not contain a % that begins no escape"
	}
	return absolute
}

const (
	wrongPort = "must have a port between 1 and 65535, or none"
	wrongHost = "must have a host name or an IP address, an IPv6 address in brackets"
)

// urlFault returns the rule that a URL breaks, or "".
func urlFault(u *url.URL) string {
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Opaque != "":
		return absolute
	case u.User != nil:
		return "must not contain a user or password"
	case strings.Contains(u.Hostname(), "%"):
		return "must not contain a zone after the address, because it is valid on one machine only"
	case !hostNamed(u.Hostname()):
		return wrongHost
	case !portNamed(u):
		return wrongPort
	case u.Fragment != "":
		return "must not contain a fragment (#)"
	}
	return ""
}

// portNamed reports whether the port of a URL is one, or there is none.
func portNamed(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.Atoi(u.Port())
	return err == nil && n >= 1 && n <= highestPort
}

// hostNamed reports whether a text is an IP address without a zone, or a host name.
func hostNamed(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Zone() == ""
	}
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return host != "" && len(host) <= MaxHostBytes
}

// String returns the text.
func (u URL) String() string { return u.text }

// IsZero reports whether u is none.
func (u URL) IsZero() bool { return u.text == "" }

// parts returns host without brackets, and port.
func (u URL) parts() (host string, port int) {
	parsed, err := url.Parse(u.text)
	if err != nil {
		panic("registry: a URL that does not parse")
	}
	port, err = strconv.Atoi(parsed.Port())
	switch {
	case err == nil:
	case parsed.Scheme == "https":
		port = 443
	default:
		port = 80
	}
	return parsed.Hostname(), port
}

// Ports are named ports. They are never changed.
type Ports map[string]int

// Address is where an instance is: a URL, a host with named ports, or both. The
// zero value is none.
type Address struct {
	URL   URL
	Host  string
	Ports Ports
}

func (a Address) same(b Address) bool {
	return a.URL == b.URL && a.Host == b.Host && maps.Equal(a.Ports, b.Ports)
}

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.URL.IsZero() && a.Host == "" }

// HostName returns the host, without brackets; the URL's where none is named.
func (a Address) HostName() string {
	if a.Host != "" || a.URL.IsZero() {
		return a.Host
	}
	host, _ := a.URL.parts()
	return host
}

// Port returns the port of that name; without it the URL's, or the port named
// "http", or the first by name, or 0 where there is none at all.
func (a Address) Port(name string) int {
	if p, ok := a.Ports[name]; ok {
		return p
	}
	if !a.URL.IsZero() {
		_, port := a.URL.parts()
		return port
	}
	if p, ok := a.Ports["http"]; ok || len(a.Ports) == 0 {
		return p
	}
	return a.Ports[slices.Sorted(maps.Keys(a.Ports))[0]]
}

// Secure reports whether the URL is https.
func (a Address) Secure() bool { return strings.HasPrefix(strings.ToLower(a.URL.text), "https://") }

// Base returns the URL, or one that is made from host and port; "" where there is
// neither URL nor port.
func (a Address) Base() string {
	if !a.URL.IsZero() {
		return a.URL.text
	}
	port := a.Port("http")
	if port == 0 {
		return ""
	}
	return "http://" + net.JoinHostPort(a.Host, strconv.Itoa(port))
}

// at returns the URL of a path at the address, "" where there is no port; port 0
// is the address's own, and "" its own path.
func (a Address) at(port int, path string) string {
	base, err := url.Parse(a.Base())
	if err != nil || base.Host == "" {
		if port == 0 {
			return ""
		}
		base = &url.URL{Scheme: "http"}
	}
	if port != 0 {
		base.Host = net.JoinHostPort(a.HostName(), strconv.Itoa(port))
	}
	if path == "" {
		return base.String()
	}
	target, err := base.Parse(path)
	if err != nil {
		return ""
	}
	return target.String()
}

func (a Address) validate() error {
	var hostErr, portsErr, noneErr error
	if a.IsZero() {
		noneErr = fault.Bad("service_url", "is required, or host with ports")
	}
	if a.Host != "" {
		hostErr = a.hostFault()
	}
	switch {
	case len(a.Ports) > MaxPorts:
		portsErr = fault.Bad("ports", "must contain at most 32 ports")
	case len(a.Ports) > 0 && a.Host == "" && a.URL.IsZero():
		portsErr = fault.Bad("ports", "need a host")
	case a.Host != "" && a.URL.IsZero() && len(a.Ports) == 0:
		portsErr = fault.Bad("ports", "are required with a host, or a service_url")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Ports)) {
		if port := a.Ports[name]; !label(name, 50) || port < 1 || port > highestPort {
			portsErr = fault.Merge(portsErr, fault.Bad("ports",
				"must be between 1 and 65535, named with 1 to 50 of A-Z, a-z, 0-9, '.', '_' and '-'"))
			break
		}
	}
	return fault.Merge(noneErr, hostErr, portsErr)
}

// hostFault returns the rule that the host breaks. A URL made from host and port is
// stored, and must be parseable.
func (a Address) hostFault() error {
	_, _, zoned := strings.Cut(a.Host, "%")
	switch {
	case zoned:
		return fault.Bad("host", "must not contain a zone (%), because it is valid on one machine only")
	case !hostNamed(a.Host):
		return fault.Bad("host", "must be a host name or an IP address, without brackets and port")
	case a.URL.IsZero() && a.Base() != "":
		if _, err := ParseURL("host", a.Base()); err != nil {
			return fault.Bad("host",
				"must make a URL of at most 255 bytes with http:// and the port; or give service_url")
		}
	}
	return nil
}

// label reports whether a text is 1 to most bytes of [A-Za-z0-9._-].
func label(text string, most int) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return text != "" && len(text) <= most
}
