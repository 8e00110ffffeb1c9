package health

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Bounds of a check.
const (
	DefaultInterval = 10 * time.Second
	MinInterval     = time.Second
	MaxInterval     = time.Hour
	// DefaultTimeout is shorter where the interval is: half of it.
	DefaultTimeout = 5 * time.Second
	// MaxTimeout is the longest that a check runs.
	MaxTimeout = 10 * time.Second

	maxHeaders    = 16
	maxTextBytes  = 1024
	maxPathBytes  = 1024
	maxRanges     = 16
	lowestStatus  = 100
	highestStatus = 599
	highestPort   = 65535
)

// Check is how and how often an instance is checked. Its fields are not to be
// changed; the zero value is no check.
type Check struct {
	Kind Kind
	// Path is for HTTP: it begins with a slash, and may contain a query.
	Path string
	// Port is where to connect, or 0 for the instance's own.
	Port     int
	Method   string
	Expect   []Range
	Headers  map[string]string
	Contains string
	// Service is the gRPC service that is checked.
	Service           string
	Interval, Timeout time.Duration
}

// Spec is a check as a client writes it. Zero fields take the defaults.
type Spec struct {
	Type string
	Path string
	Port int
	// Method is GET or HEAD; GET by default.
	Method string
	// ExpectedStatus contains codes ("204") and ranges ("200-299"), which is the default.
	ExpectedStatus  []string
	Headers         map[string]string
	BodyContains    string
	Service         string
	IntervalSeconds *int
	TimeoutMS       *int
}

// Standard returns the check of a URL that was given without more: a GET every
// ten seconds that expects 200 to 299.
func Standard() Check {
	return Check{
		Kind: HTTP, Method: "GET", Expect: []Range{{200, 299}}, Interval: DefaultInterval, Timeout: DefaultTimeout,
	}
}

// ParseCheck returns the check of a spec. Invalid fields are ErrInvalid, named by JSON
// pointers within the check, such as "/timeout_ms".
func ParseCheck(spec Spec) (Check, error) {
	p := &parser{spec: spec}
	kind := p.kind()
	c := Check{
		Kind: kind, Path: p.path(), Port: p.port(), Method: p.method(), Expect: p.expect(), Headers: p.headers(),
		Contains: p.text("/body_contains", spec.BodyContains, kind == HTTP),
		Service:  p.text("/service", spec.Service, kind == GRPC),
	}
	c.Interval, c.Timeout = p.times()
	return c, p.faults.Err()
}

// RestoreCheck is ParseCheck for a spec that was stored; only stores call it. A
// timeout above MaxTimeout, which could be stored once, becomes MaxTimeout.
func RestoreCheck(spec Spec) (Check, error) {
	if ms := spec.TimeoutMS; ms != nil {
		spec.TimeoutMS = new(min(*ms, int(MaxTimeout/time.Millisecond)))
	}
	return ParseCheck(spec)
}

// Spec returns what ParseCheck makes the check from.
func (c Check) Spec() Spec {
	spec := Spec{
		Type: c.Kind.String(), Path: c.Path, Port: c.Port, Method: c.Method, Headers: c.Headers,
		BodyContains: c.Contains, Service: c.Service,
		IntervalSeconds: new(int(c.Interval / time.Second)), TimeoutMS: new(int(c.Timeout / time.Millisecond)),
	}
	for _, r := range c.Expect {
		spec.ExpectedStatus = append(spec.ExpectedStatus, r.String())
	}
	return spec
}

// Same reports whether two checks are the same.
func (c Check) Same(d Check) bool {
	return c.Kind == d.Kind && c.Path == d.Path && c.Port == d.Port && c.Method == d.Method &&
		c.Contains == d.Contains && c.Service == d.Service && c.Interval == d.Interval && c.Timeout == d.Timeout &&
		slices.Equal(c.Expect, d.Expect) && maps.Equal(c.Headers, d.Headers)
}

// String returns "204" or "200-299".
func (r Range) String() string {
	if r.First == r.Last {
		return strconv.Itoa(r.First)
	}
	return strconv.Itoa(r.First) + "-" + strconv.Itoa(r.Last)
}

// Headers returns the names of the headers that a check may send.
func Headers() []string {
	return []string{"Accept", "Accept-Language", "Cache-Control", "User-Agent", "X-Health-Check"}
}

// parser reads a spec and collects its errors.
type parser struct {
	spec   Spec
	faults fault.Collector
}

func (p *parser) bad(at, message string) { p.faults.Bad(at, message) }

func (p *parser) kind() Kind {
	for _, k := range Kinds() {
		if k.String() == p.spec.Type {
			return k
		}
	}
	p.bad("/type", "must be http, tcp or grpc")
	return 0
}

// http rejects fields that are for HTTP only, and returns whether they are set.
func (p *parser) http(at string, given bool) bool {
	if given && p.spec.Type != HTTP.String() {
		p.bad(at, "is for checks of type http alone")
	}
	return given
}

func (p *parser) path() string {
	text := p.spec.Path
	if !p.http("/path", text != "") {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || u.Fragment != "" ||
		len(text) > maxPathBytes || !printable(text) {
		p.bad("/path", "must be a path that begins with one '/', of at most 1,024 printable characters without spaces")
	}
	return text
}

func (p *parser) port() int {
	if p.spec.Port < 0 || p.spec.Port > highestPort {
		p.bad("/port", "must be between 1 and 65535")
	}
	return p.spec.Port
}

func (p *parser) method() string {
	p.http("/method", p.spec.Method != "")
	switch m := p.spec.Method; {
	case m == "" && p.spec.Type == HTTP.String():
		return "GET"
	case m == "", m == "GET":
	case m != "HEAD":
		p.bad("/method", "must be GET or HEAD")
	case p.spec.BodyContains != "":
		p.bad("/method", "HEAD has no body that could contain something; use GET")
	}
	return p.spec.Method
}

func (p *parser) expect() []Range {
	list := p.spec.ExpectedStatus
	if !p.http("/expected_status", len(list) > 0) {
		if p.spec.Type == HTTP.String() {
			return []Range{{200, 299}}
		}
		return nil
	}
	if len(list) > maxRanges {
		p.bad("/expected_status", "must contain at most 16 codes and ranges")
		return nil
	}
	ranges := make([]Range, len(list))
	for i, text := range list {
		var ok bool
		if ranges[i], ok = parseRange(text); !ok {
			p.bad("/expected_status/"+strconv.Itoa(i), `must be a status such as "204" or a range such as "200-299"`)
		}
	}
	return ranges
}

func parseRange(text string) (Range, bool) {
	first, last, two := strings.Cut(text, "-")
	if !two {
		last = first
	}
	from, err := strconv.Atoi(first)
	to, lastErr := strconv.Atoi(last)
	ok := err == nil && lastErr == nil && len(first) == 3 && len(last) == 3
	return Range{from, to}, ok && lowestStatus <= from && from <= to && to <= highestStatus
}

func (p *parser) headers() map[string]string {
	given := p.spec.Headers
	if !p.http("/headers", len(given) > 0) {
		return nil
	}
	if len(given) > maxHeaders {
		p.bad("/headers", "must contain at most 16 headers")
		return nil
	}
	headers := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(Headers(), func(h string) bool { return strings.EqualFold(h, name) })
		if i < 0 {
			p.bad("/headers", "may contain only "+strings.Join(Headers(), ", "))
			continue
		}
		value := given[name]
		if len(value) > maxTextBytes || !printable(strings.ReplaceAll(value, " ", "")) {
			p.bad("/headers/"+Headers()[i], "must be at most 1,024 printable ASCII characters")
		}
		headers[Headers()[i]] = value
	}
	return headers
}

func (p *parser) text(at, text string, mine bool) string {
	if text != "" && !mine {
		p.bad(at, "is of no use in a check of this type")
	}
	if message := scope.TextFault(text, maxTextBytes, "1 KiB"); message != "" {
		p.bad(at, message)
	}
	return text
}

func (p *parser) times() (interval, timeout time.Duration) {
	interval = DefaultInterval
	if s := p.spec.IntervalSeconds; s != nil {
		interval = time.Duration(*s) * time.Second
		if *s < int(MinInterval/time.Second) || *s > int(MaxInterval/time.Second) {
			p.bad("/interval_seconds", "must be between 1 and 3600")
			return interval, 0
		}
	}
	timeout = min(DefaultTimeout, interval/2)
	if ms := p.spec.TimeoutMS; ms != nil {
		timeout = time.Duration(*ms) * time.Millisecond
		if *ms < 1 || *ms >= int(interval/time.Millisecond) || timeout > MaxTimeout {
			p.bad("/timeout_ms", "must be between 1 and 10000, and less than the interval")
		}
	}
	return interval, timeout
}

// printable reports whether a text consists of visible ASCII characters.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
