package settings

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// errNotAllowed is returned for a value that a setting does not accept; the tag "allowed"
// has the accepted ones.
var errNotAllowed = errors.New("not allowed")

// reasonError says what is wrong with a value, without any part of it.
type reasonError string

// Error returns the reason.
func (e reasonError) Error() string { return string(e) }

// Port is a TCP port, 0 for any free one.
type Port uint16

// UnmarshalText reads a decimal number.
func (p *Port) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil {
		return errNotAllowed
	}
	*p = Port(n)
	return nil
}

// Origins are the origins of browsers (RFC 6454), or "*" for all.
type Origins []string

// UnmarshalText reads origins that are separated by commas.
func (o *Origins) UnmarshalText(text []byte) error {
	for origin := range strings.SplitSeq(string(text), ",") {
		origin = strings.TrimSpace(origin)
		u, err := url.Parse(origin)
		complete := err == nil && u.Scheme != "" && u.Host != "" && origin == u.Scheme+"://"+u.Host
		if origin != "*" && !complete {
			return errNotAllowed
		}
		*o = append(*o, origin)
	}
	return nil
}

// Prefixes are networks in CIDR notation.
type Prefixes []netip.Prefix

// UnmarshalText reads CIDR blocks that are separated by commas.
func (p *Prefixes) UnmarshalText(text []byte) error {
	for block := range strings.SplitSeq(string(text), ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(block))
		if err != nil || prefix.Addr().Is4In6() { // contains no unmapped address
			return errNotAllowed
		}
		*p = append(*p, prefix.Masked())
	}
	return nil
}

// Proxies are networks or single addresses.
type Proxies []netip.Prefix

// UnmarshalText reads addresses and CIDR blocks that are separated by commas.
func (p *Proxies) UnmarshalText(text []byte) error {
	for block := range strings.SplitSeq(string(text), ",") {
		block = strings.TrimSpace(block)
		prefix, err := netip.ParsePrefix(block)
		if address, addressErr := netip.ParseAddr(block); addressErr == nil {
			address = address.Unmap()
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
			if address.Zone() != "" {
				err = errNotAllowed
			}
		}
		if err != nil || prefix.Addr().Is4In6() {
			return errNotAllowed
		}
		*p = append(*p, prefix.Masked())
	}
	return nil
}

// Brokers are the addresses of Kafka's brokers.
type Brokers []string

// UnmarshalText reads addresses that are separated by commas.
func (b *Brokers) UnmarshalText(text []byte) error {
	for address := range strings.SplitSeq(string(text), ",") {
		address = strings.TrimSpace(address)
		host, port, err := net.SplitHostPort(address)
		if err == nil {
			err = errors.Join(new(Host).UnmarshalText([]byte(host)), new(RemotePort).UnmarshalText([]byte(port)))
		}
		if err != nil {
			return errNotAllowed
		}
		*b = append(*b, address)
	}
	return nil
}

// Topic is the name of a Kafka topic.
type Topic string

// UnmarshalText reads a name that Kafka accepts.
func (t *Topic) UnmarshalText(text []byte) error {
	const most = 249
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	legal := !strings.ContainsFunc(string(text), func(r rune) bool { return !strings.ContainsRune(letters, r) })
	if !legal || len(text) == 0 || len(text) > most || string(text) == "." || string(text) == ".." {
		return errNotAllowed
	}
	*t = Topic(text)
	return nil
}

// Topics are the topics of modules, by the name of the setting (ports.TopicSetting).
type Topics map[string]Topic

// Copies is the replication factor of a topic.
type Copies int16

// UnmarshalText reads a number from 1.
func (c *Copies) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 16)
	if err != nil || n < 1 {
		return errNotAllowed
	}
	*c = Copies(n)
	return nil
}

// Bytes is an amount of memory.
type Bytes int64

// UnmarshalText reads a number, optionally followed by KiB, MiB or GiB.
func (b *Bytes) UnmarshalText(text []byte) error {
	digits, factor := string(text), int64(1)
	for suffix, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if number, found := strings.CutSuffix(digits, suffix); found {
			digits, factor = number, size
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if n *= factor; err != nil || n < 1<<20 || n > 2<<30 {
		return errNotAllowed
	}
	*b = Bytes(n)
	return nil
}

// Rows is a number of rows.
type Rows int64

// UnmarshalText reads a number from 1,000, so that clients have time to read changes.
func (r *Rows) UnmarshalText(text []byte) error {
	const least = 1000
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < least {
		return errNotAllowed
	}
	*r = Rows(n)
	return nil
}

// Count is a maximum number.
type Count int

// UnmarshalText reads a number from 1 to 10,000,000.
func (c *Count) UnmarshalText(text []byte) error {
	const most = 10_000_000
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > most {
		return errNotAllowed
	}
	*c = Count(n)
	return nil
}

// Requests is a number of requests; 0 is no limit.
type Requests int

// UnmarshalText reads a number from 0 to 1,000,000.
func (r *Requests) UnmarshalText(text []byte) error {
	const most = 1_000_000
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || n > most {
		return errNotAllowed
	}
	*r = Requests(n)
	return nil
}

// Streams is the maximum number of open streams.
type Streams int

// UnmarshalText reads a number from 2 to 1,000,000.
func (s *Streams) UnmarshalText(text []byte) error {
	const least, most = 2, 1_000_000
	n, err := strconv.Atoi(string(text))
	if err != nil || n < least || n > most {
		return errNotAllowed
	}
	*s = Streams(n)
	return nil
}

// MaxDuration is the longest duration of a setting.
const MaxDuration = 30 * 24 * time.Hour

// Duration is positive and at most MaxDuration.
type Duration time.Duration

// UnmarshalText reads whole seconds ("300") or a Go duration ("5m").
func (d *Duration) UnmarshalText(text []byte) error {
	value, err := time.ParseDuration(string(text))
	if seconds, numberErr := strconv.ParseInt(string(text), 10, 32); numberErr == nil {
		value, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || value <= 0 || value > MaxDuration {
		return errNotAllowed
	}
	*d = Duration(value)
	return nil
}

// Lifetime is a duration of at most MaxDuration; 0 is none.
type Lifetime time.Duration

// UnmarshalText reads what Duration reads, or 0.
func (l *Lifetime) UnmarshalText(text []byte) error {
	if n, err := strconv.ParseInt(string(text), 10, 32); err == nil && n == 0 {
		*l = 0
		return nil
	}
	return (*Duration)(l).UnmarshalText(text)
}

// Host is a host name or an IP address, or empty.
type Host string

// UnmarshalText reads a name of RFC 1123 or an address, without a scheme or a port.
func (h *Host) UnmarshalText(text []byte) error {
	const longest, longestLabel = 253, 63
	name := string(text)
	if _, err := netip.ParseAddr(name); err == nil {
		*h = Host(name)
		return nil
	}
	if strings.Contains(name, "://") || strings.ContainsAny(name, ":/@") {
		return reasonError("must be the name or the address alone, without a scheme and a port")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		legal := !strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if !legal || label == "" || len(label) > longestLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return errNotAllowed
		}
	}
	if len(name) > longest {
		return errNotAllowed
	}
	*h = Host(name)
	return nil
}

// RemotePort is a TCP port from 1.
type RemotePort uint16

// UnmarshalText reads a decimal number.
func (p *RemotePort) UnmarshalText(text []byte) error {
	if err := (*Port)(p).UnmarshalText(text); err != nil || *p == 0 {
		return errNotAllowed
	}
	return nil
}

// Name is the name of the service, as the log and /health show it.
type Name string

// UnmarshalText reads printable characters.
func (n *Name) UnmarshalText(text []byte) error {
	const longest = 100
	if len(text) > longest || strings.ContainsFunc(string(text), func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errNotAllowed
	}
	*n = Name(text)
	return nil
}

// LogLevel is "debug", "info", "warn" or "error".
type LogLevel string

// UnmarshalText reads a level by its name in Go or Python, in any case.
func (l *LogLevel) UnmarshalText(text []byte) error {
	switch strings.ToUpper(string(text)) {
	case "DEBUG":
		*l = "debug"
	case "INFO":
		*l = "info"
	case "WARN", "WARNING":
		*l = "warn"
	case "ERROR", "CRITICAL":
		*l = "error"
	default:
		return errNotAllowed
	}
	return nil
}

// Environments is the list of environments.
type Environments struct{ policy scope.Environments }

// UnmarshalText reads names separated by commas.
func (e *Environments) UnmarshalText(text []byte) error {
	names := strings.Split(string(text), ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	policy, err := scope.NewEnvironments(names...)
	if err != nil {
		return errNotAllowed
	}
	e.policy = policy
	return nil
}
