package health

// Owner returns the replica that makes the checks of a key, "" where there are none. All
// replicas with the same list agree, and one that joins or leaves moves only its own
// share of the checks: rendezvous hashing ("A name-based mapping scheme for rendezvous",
// Thaler and Ravishankar, 1996), with FNV-1a and the finalizer of MurmurHash3.
func Owner(key string, replicas []string) string {
	var owner string
	var highest uint64
	for _, r := range replicas {
		if h := weigh(key, r); owner == "" || h > highest || h == highest && r < owner {
			owner, highest = r, h
		}
	}
	return owner
}

func weigh(key, replica string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, text := range [...]string{key, "\x00", replica} {
		for i := range len(text) {
			h = (h ^ uint64(text[i])) * prime
		}
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
