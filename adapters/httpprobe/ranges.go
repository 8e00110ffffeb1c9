package httpprobe

import "net/netip"

// refused returns the networks that no check may dial, whatever is allowed. IPv6 addresses
// are checked by globalIPv6 first. IPv4 addresses embedded in IPv6 are refused undecoded: a
// translator would reach another address than the checked one.
func refused() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8",              // this network (RFC 791)
		"169.254.0.0/16",         // link-local (RFC 3927), and most clouds' metadata
		"192.88.99.0/24",         // relays of 6to4 (RFC 7526)
		"224.0.0.0/4",            // multicast (RFC 5771)
		"240.0.0.0/4",            // reserved, and broadcast (RFC 1112, RFC 919)
		"2001::/32",              // Teredo (RFC 4380)
		"2002::/16",              // 6to4 (RFC 3056)
		"100.100.100.200/32",     // metadata of Alibaba Cloud
		"168.63.129.16/32",       // Azure's platform, a public address
		"192.0.0.192/32",         // metadata of Oracle Cloud Classic
		"fd00:ec2::/32",          // metadata and other local services of AWS
		"fd20:ce::254/128",       // metadata of Google Cloud
		"fd00:c1::a9fe:a9fe/128", // metadata of Oracle Cloud
		"fd00:42::42/128",        // metadata of Scaleway
		"fd00:a9fe:a9fe::1/128",  // metadata of Akamai
		"fd00:100::100:200/128",  // metadata of Alibaba Cloud
	)
}

// globalIPv6 returns the networks of IPv6 that can be dialled at all. All others
// are loopback, link-local, multicast, reserved, or forms of IPv4 (RFC 4291, with
// NAT64 of RFC 6052 and RFC 8215).
func globalIPv6() []netip.Prefix {
	return prefixes("2000::/3", "fc00::/7")
}

// special returns the networks that are not of the public internet (the special-purpose
// registries of IANA, RFC 6890). As loopback, they are dialled only if they are allowed, or
// for an instance that was registered from the same address.
func special() []netip.Prefix {
	return prefixes(
		"10.0.0.0/8",      // RFC 1918, as the next two
		"172.16.0.0/12",   //
		"192.168.0.0/16",  //
		"100.64.0.0/10",   // shared address space (RFC 6598)
		"192.0.0.0/24",    // protocol assignments (RFC 6890)
		"192.0.2.0/24",    // documentation (RFC 5737), as the next two
		"198.51.100.0/24", //
		"203.0.113.0/24",  //
		"198.18.0.0/15",   // benchmarks (RFC 2544)
		"fc00::/7",        // unique local (RFC 4193)
		"2001:2::/48",     // benchmarks (RFC 5180)
		"2001:10::/28",    // ORCHID (RFC 4843)
		"2001:db8::/32",   // documentation (RFC 3849, RFC 9637)
		"3fff::/20",       //
	)
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		list[i] = netip.MustParsePrefix(t)
	}
	return list
}

func contains(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
