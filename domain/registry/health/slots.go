package health

import (
	"net/netip"
	"strings"
)

// How many checks one replica makes at once.
const (
	// MaxChecks is of all, MaxChecksPerPlace of one address, and MaxSlowChecks of
	// those that are not known to be prompt.
	MaxChecks         = 64
	MaxChecksPerPlace = 4
	MaxSlowChecks     = MaxChecks / 2
	// A service may have as many slots as are free, and a registrant thrice as many:
	// dynamic thresholds (Choudhury and Hahne, "Dynamic Queue Length Thresholds for
	// Shared-Memory Packet Switches", 1998). One service alone gets half of all.
	freePerService = 1
	freePerSource  = 3
)

// Claim is what a check needs a slot for.
type Claim struct {
	Service string
	// Place is the place that is dialled, as Place returns it.
	Place string
	// Source is the address that registered the instance; the zero address is an unknown
	// one.
	Source netip.Addr
	// Prompt reports that the last check was answered quickly, so that this one is
	// expected to release its slot soon.
	Prompt bool
}

// Place identifies what is dialled, so that every spelling of an IP address is the same
// place: the address that was dialled last, else the host as it is written.
func Place(host string, dialled netip.Addr) string {
	if !dialled.IsValid() {
		dialled, _ = netip.ParseAddr(host)
	}
	if dialled.IsValid() {
		return dialled.Unmap().WithZone("").String()
	}
	return strings.ToLower(strings.TrimRight(host, "."))
}

// Slots shares the slots for checks out, so that no service, no registrant and no
// address can take them all. The zero value is ready.
type Slots struct {
	all, slow int
	services  map[string]int
	places    map[string]int
	sources   map[netip.Addr]int
}

// Take takes a slot, which Release gives back, or reports false.
func (s *Slots) Take(c Claim) bool {
	free := MaxChecks - s.all
	switch {
	case free == 0, s.places[c.Place] >= MaxChecksPerPlace, s.services[c.Service] >= freePerService*free,
		c.Source.IsValid() && s.sources[c.Source] >= freePerSource*free, !c.Prompt && s.slow >= MaxSlowChecks:
		return false
	}
	s.count(c, +1)
	return true
}

// Release gives back the slot that was taken for the same claim.
func (s *Slots) Release(c Claim) { s.count(c, -1) }

func (s *Slots) count(c Claim, by int) {
	if s.services == nil {
		s.services, s.places, s.sources = map[string]int{}, map[string]int{}, map[netip.Addr]int{}
	}
	s.all += by
	if !c.Prompt {
		s.slow += by
	}
	add(s.services, c.Service, by)
	add(s.places, c.Place, by)
	if c.Source.IsValid() {
		add(s.sources, c.Source, by)
	}
}

// add counts, and forgets what comes to nothing.
func add[K comparable](counts map[K]int, key K, by int) {
	if counts[key] += by; counts[key] == 0 {
		delete(counts, key)
	}
}
