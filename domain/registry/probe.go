package registry

import (
	"net"
	"net/url"
	"strconv"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// Probe returns the check of an instance, or false where it is not checked: it has no
// check, or its address has no port for it.
func (i *Instance) Probe() (health.Probe, bool) {
	c, checked := i.ActiveCheck()
	if !checked {
		return health.Probe{}, false
	}
	p := health.Probe{
		Kind: c.Kind, Host: i.Address.HostName(), Source: i.Source,
		Method: c.Method, Expect: c.Expect, Headers: c.Headers, Contains: c.Contains,
		Service: c.Service, Timeout: c.Timeout,
	}
	if c.Kind == health.HTTP {
		p.URL = i.checkedURL(c)
		u, err := url.Parse(p.URL)
		if err != nil || u.Host == "" {
			return health.Probe{}, false
		}
		p.Host = u.Hostname()
		return p, true
	}
	port := c.Port
	if port == 0 {
		port = i.Address.Port(c.Kind.String())
	}
	p.Address = net.JoinHostPort(p.Host, strconv.Itoa(port))
	return p, port != 0
}

// checkedURL returns the URL that is checked: the health check's where there is one and
// the check names neither path nor port, else one at the instance's address.
func (i *Instance) checkedURL(c health.Check) string {
	if !i.HealthCheck.IsZero() && c.Path == "" && c.Port == 0 {
		return i.HealthCheck.String()
	}
	return i.Address.at(c.Port, c.Path)
}
