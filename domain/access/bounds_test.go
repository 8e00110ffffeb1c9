package access_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/domain/access"
)

func networks(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

func TestBoundsExceeded(t *testing.T) {
	t.Parallel()
	hour := noon().Add(time.Hour)
	own := access.Bounds{Expires: hour, Networks: networks("10.0.0.0/8", "2001:db8::/32")}
	for _, row := range []struct {
		name  string
		other access.Bounds
		want  []string
	}{
		{"the same", own, nil},
		{"an earlier end, one network", access.Bounds{Expires: noon(), Networks: networks("10.0.0.0/8")}, nil},
		{"a part of a network", access.Bounds{Expires: hour, Networks: networks("10.1.2.3/32", "2001:db8:1::/48")}, nil},
		{"a later end", access.Bounds{Expires: hour.Add(time.Microsecond), Networks: own.Networks}, []string{"expires_at"}},
		{"no end", access.Bounds{Networks: own.Networks}, []string{"expires_at"}},
		{"everywhere", access.Bounds{Expires: hour}, []string{"networks"}},
		{"a wider network", access.Bounds{Expires: hour, Networks: networks("10.0.0.0/7")}, []string{"networks"}},
		{"another network", access.Bounds{Expires: hour, Networks: networks("10.0.0.0/8", "11.0.0.0/8")}, []string{"networks"}},
		{"all addresses", access.Bounds{Expires: hour, Networks: networks("0.0.0.0/0")}, []string{"networks"}},
		{"nothing", access.Bounds{}, []string{"expires_at", "networks"}},
	} {
		assert.Equal(t, row.want, own.Exceeded(row.other), row.name)
		assert.Nil(t, access.Bounds{}.Exceeded(row.other), row.name)
	}
}

func TestCallerExceeded(t *testing.T) {
	t.Parallel()
	reader := access.Expand(granted(access.RoleReader))
	caller := access.Caller{Grants: reader, Bounds: access.Bounds{Expires: noon()}}
	assert.Nil(t, caller.Exceeded(reader, access.Bounds{Expires: noon()}))
	assert.Equal(t, []string{"grants", "expires_at"}, caller.Exceeded(access.Unrestricted(), access.Bounds{}))
}

func TestUsableAdmin(t *testing.T) {
	t.Parallel()
	admin := granted(access.RoleAdmin)
	for _, row := range []struct {
		name  string
		start access.KeyAttributes
		want  bool
	}{
		{"for ever", access.KeyAttributes{Grants: admin}, true},
		{"for more than the reserve", access.KeyAttributes{Grants: admin, Expires: noon().Add(access.AdminReserve + time.Second)}, true},
		{"for the reserve", access.KeyAttributes{Grants: admin, Expires: noon().Add(access.AdminReserve)}, false},
		{"for seconds", access.KeyAttributes{Grants: admin, Expires: noon().Add(3 * time.Second)}, false},
		{"later", access.KeyAttributes{Grants: admin, NotBefore: noon().Add(time.Second)}, false},
		{"from a network", access.KeyAttributes{Grants: admin, Networks: networks("10.0.0.0/8")}, false},
		{"as an operator", access.KeyAttributes{Grants: granted(access.RoleOperator)}, false},
	} {
		assert.Equal(t, row.want, key(t, row.start).UsableAdmin(noon()), row.name)
	}
}

func TestEndsAdmin(t *testing.T) {
	t.Parallel()
	admin := access.KeyAttributes{Grants: granted(access.RoleAdmin)}
	until := func(d time.Duration) access.KeyAttributes {
		a := admin
		a.Expires = noon().Add(d)
		return a
	}
	later := admin
	later.NotBefore = noon().Add(time.Hour)
	revoked := admin
	revoked.Revoked = noon()
	for _, row := range []struct {
		name          string
		before, after access.KeyAttributes
		want          bool
	}{
		{"nothing changes", admin, admin, false},
		{"it is revoked", admin, revoked, true},
		{"it is to begin later", admin, later, true},
		{"it is to end in seconds", admin, until(3 * time.Second), true},
		{"it is to end after the reserve", admin, until(2 * access.AdminReserve), false},
		{"it ends soon, and is renamed", until(time.Minute), until(time.Minute), false},
		{"it ends soon, and is to end later", until(time.Minute), until(2 * time.Minute), false},
		{"it ends soon, and is to end sooner", until(time.Minute), until(time.Second), true},
		{"it ends soon, and is revoked", until(time.Minute), revoked, true},
		{"it has not begun", later, revoked, false},
		{"it is a reader", access.KeyAttributes{Grants: granted(access.RoleReader)}, revoked, false},
	} {
		assert.Equal(t, row.want, row.after.EndsAdmin(row.before, noon()), row.name)
	}
}
