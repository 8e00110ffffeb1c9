package httpprobe_test

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/httpprobe"
)

// everything allows all networks that can be allowed.
func everything() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
}

// connect returns the decision about a dial for an instance that was registered from
// another address.
func connect(t *testing.T, p *httpprobe.Prober, address string) error {
	t.Helper()
	return p.ConnectForTest(t.Context(), netip.MustParseAddr("203.0.113.77"), address)
}

// connectBack returns the decision about a dial for an instance that was registered from
// the same address.
func connectBack(t *testing.T, p *httpprobe.Prober, address string) error {
	t.Helper()
	source, _ := netip.ParseAddrPort(address)
	return p.ConnectForTest(t.Context(), source.Addr(), address)
}

func TestRefusedAddresses(t *testing.T) {
	t.Parallel()
	p := httpprobe.New(httpprobe.Options{Allow: everything()})
	for _, address := range []string{
		"0.0.0.0:80", "0.1.2.3:80", "[::]:80",
		"169.254.0.1:80", "169.254.169.254:80", "169.254.170.2:80", "169.254.255.255:80",
		"[fe80::1]:80", "[fe80::1%eth0]:80", "[fe80::a9fe:a9fe]:80", "[febf::1]:80", "[fec0::1]:80",
		"224.0.0.1:80", "239.255.255.255:80", "[ff02::1]:80", "[ff0e::1]:80",
		"255.255.255.255:80", "240.0.0.1:80", "192.88.99.1:80",
		"100.100.100.200:80", "168.63.129.16:80", "192.0.0.192:80",
		"[fd00:ec2::254]:80", "[fd00:ec2::23]:80", "[fd20:ce::254]:80", "[fd00:c1::a9fe:a9fe]:80", "[fd00:42::42]:80",
		"[fd00:a9fe:a9fe::1]:80", "[fd00:100::100:200]:80",
		// IPv4-mapped, -translated and -compatible forms.
		"[::ffff:169.254.169.254]:80", "[::ffff:0.0.0.0]:80", "[::ffff:100.100.100.200]:80", "[::ffff:255.255.255.255]:80",
		"[::ffff:0:8.8.8.8]:80", "[::8.8.8.8]:80", "[::7f00:1]:80", "[::2]:80",
		// NAT64, 6to4 and Teredo, whatever they embed.
		"[64:ff9b::8.8.8.8]:80", "[64:ff9b::7f00:1]:80", "[64:ff9b::a9fe:a9fe]:80", "[64:ff9b:1::a00:1]:80",
		"[2002:808:808::1]:80", "[2002:7f00:1::1]:80", "[2001::1]:80", "[2001:0:4136:e378::1]:80",
		// Addresses with zones.
		"[fd00::1%eth0]:80", "[2606:4700::1%1]:80", "[::1%lo]:80", "[::ffff:127.0.0.1%lo]:80",
		// Unassigned, and not resolved.
		"[100::1]:80", "[4000::1]:80", "[5f00::1]:80", "", "80", ":80", "localhost:80", "8.8.8.8", "8.8.8.8:http", "8.8.8.8:65536",
		"010.0.0.1:80", "1.2.3:80",
	} {
		require.ErrorIs(t, connect(t, p, address), httpprobe.ErrForbidden, address)
		require.ErrorIs(t, connectBack(t, p, address), httpprobe.ErrForbidden, address)
	}
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	p := httpprobe.New(httpprobe.Options{})
	for _, address := range []string{
		"8.8.8.8:80", "1.1.1.1:443", "172.32.0.1:80", "172.15.255.255:80", "100.63.255.255:80", "100.128.0.1:80",
		"198.17.0.1:80", "198.20.0.1:80", "192.0.1.1:80", "223.255.255.255:80", "11.0.0.1:80", "168.63.129.17:80", "126.255.255.255:80",
		"[2606:4700::1111]:443", "[2001:1::1]:80", "[2003::1]:80", "[::ffff:8.8.8.8]:80",
	} {
		require.NoError(t, connect(t, p, address), address)
	}
}

func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"10.0.0.1:80", "10.255.255.255:80", "172.16.0.1:80", "172.31.255.255:80", "192.168.1.1:80", "100.64.0.1:80",
		"100.127.255.255:80", "192.0.0.1:80", "198.18.0.1:80", "198.19.255.255:80", "[fc00::1]:80", "[fd12:3456::1]:80",
		"[::ffff:10.0.0.1]:80", "192.0.2.1:80", "198.51.100.255:80", "203.0.113.1:80", "[2001:2::1]:80",
		"[2001:10::1]:80", "[2001:db8::1]:80", "[3fff::1]:80",
	} {
		p := httpprobe.New(httpprobe.Options{})
		require.ErrorIs(t, connect(t, p, address), httpprobe.ErrForbidden, address)
		require.NoError(t, connectBack(t, p, address), address)
		require.NoError(t, connect(t, httpprobe.New(httpprobe.Options{Allow: everything()}), address), address)

		ip := netip.MustParseAddrPort(address).Addr().Unmap()
		one := []netip.Prefix{netip.PrefixFrom(ip, ip.BitLen())}
		require.NoError(t, connect(t, httpprobe.New(httpprobe.Options{Allow: one}), address), address)
		next := []netip.Prefix{netip.PrefixFrom(ip.Next(), ip.BitLen()), netip.PrefixFrom(ip.Prev(), ip.BitLen())}
		require.ErrorIs(t, connect(t, httpprobe.New(httpprobe.Options{Allow: next}), address), httpprobe.ErrForbidden, address)
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:80", "127.255.255.254:80", "[::1]:80", "[::ffff:127.0.0.1]:80"} {
		p := httpprobe.New(httpprobe.Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
		require.ErrorIs(t, connect(t, p, address), httpprobe.ErrForbidden, address)
		require.NoError(t, connectBack(t, p, address), address)
		require.NoError(t, connect(t, httpprobe.New(httpprobe.Options{Allow: everything()}), address), address)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	p := httpprobe.New(httpprobe.Options{})
	for _, same := range [][2]string{
		{"10.0.0.1", "10.0.0.1:80"},
		{"::ffff:10.0.0.1", "10.0.0.1:80"},
		{"10.0.0.1", "[::ffff:a00:1]:80"},
		{"fd00::1", "[FD00:0:0::0:1]:80"},
		{"::ffff:127.0.0.1", "127.0.0.1:80"},
	} {
		require.NoError(t, p.ConnectForTest(t.Context(), netip.MustParseAddr(same[0]), same[1]), same)
	}
	for _, other := range [][2]string{
		{"10.0.0.1", "10.0.0.2:80"},
		{"fd00::1", "[fd00::2]:80"},
		{"127.0.0.1", "127.0.0.2:80"},
		{"127.0.0.1", "[::1]:80"},
		{"fd00::1%eth0", "[fd00::1]:80"},
		{"169.254.169.254", "169.254.169.254:80"},
		{"fe80::1", "[fe80::1]:80"},
		{"64:ff9b::a00:1", "[64:ff9b::a00:1]:80"},
		{"10.0.0.1", "[64:ff9b::a00:1]:80"},
		{"10.0.0.1", "[2002:a00:1::]:80"},
	} {
		require.ErrorIs(t, p.ConnectForTest(t.Context(), netip.MustParseAddr(other[0]), other[1]), httpprobe.ErrForbidden, other)
	}
	require.ErrorIs(t, p.ConnectForTest(t.Context(), netip.Addr{}, "10.0.0.1:80"), httpprobe.ErrForbidden)
}

func TestOwnPort(t *testing.T) {
	t.Parallel()
	var port atomic.Uint32
	p := httpprobe.New(httpprobe.Options{
		Allow: everything(), Port: func() uint16 { return uint16(port.Load()) },
	})
	for _, address := range []string{"127.0.0.1:80", "127.0.0.1:8082", "[::1]:80"} {
		require.ErrorIs(t, connect(t, p, address), httpprobe.ErrForbidden, "while the port is unknown: %s", address)
	}
	require.NoError(t, connect(t, p, "10.255.255.1:80"), "an address of another machine")
	port.Store(8082)
	require.NoError(t, connect(t, p, "127.0.0.1:80"))
	require.ErrorIs(t, connect(t, p, "127.0.0.1:8082"), httpprobe.ErrForbidden)
}

func TestOwnAddresses(t *testing.T) {
	t.Parallel()
	p := httpprobe.New(httpprobe.Options{
		Allow: everything(),
		Own:   []string{"10.0.0.5:5432", "[fd00::5]:6379", "8.8.8.8:9092", ":8082", "localhost:7000", "10.0.0.7", "10.0.0.8:kafka"},
	})
	refused := []string{
		"10.0.0.5:5432", "[::ffff:10.0.0.5]:5432", "[fd00::5]:6379", "8.8.8.8:9092",
		"127.0.0.1:8082", "127.0.0.9:8082", "[::1]:8082", "[::ffff:127.0.0.1]:8082",
		"127.0.0.1:7000", "10.0.0.7:1", "10.0.0.7:80", "10.0.0.8:9092",
	}
	interfaces, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, i := range interfaces {
		prefix := netip.MustParsePrefix(i.String())
		refused = append(refused,
			netip.AddrPortFrom(prefix.Addr(), 8082).String(), netip.AddrPortFrom(prefix.Addr(), 7000).String())
	}
	for _, address := range refused {
		require.ErrorIs(t, connect(t, p, address), httpprobe.ErrForbidden, address)
		require.ErrorIs(t, connectBack(t, p, address), httpprobe.ErrForbidden, address)
	}
	for _, address := range []string{
		"10.0.0.5:5433", "10.0.0.6:5432", "[fd00::5]:6380", "8.8.8.8:8082", "127.0.0.1:8083", "8.8.8.8:7000", "10.0.0.9:80",
	} {
		require.NoError(t, connect(t, p, address), address)
	}
}
