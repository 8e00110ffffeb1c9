package ratelimit

import (
	"math"

	"github.com/signalbox-hq/signalbox/ports"
)

// Reserve is the part of each limit that is always divided equally, in millionths: a replica
// without demand has it for its first requests. The rest is divided by demand, and what
// claims are parts of.
const Reserve = ports.LimitWhole / 10

// Equal returns the part of one of some replicas.
func Equal(replicas int) uint32 {
	return uint32(ports.LimitWhole / max(replicas, 1)) //nolint:gosec // at most the whole
}

// Fraction returns the fraction of a limit that a replica enforces whose share of the
// divided part is given.
func Fraction(share uint32, replicas int) float64 {
	const divided = float64(ports.LimitWhole-Reserve) / ports.LimitWhole
	return float64(Reserve)/ports.LimitWhole/float64(max(replicas, 1)) + divided*float64(share)/ports.LimitWhole
}

// Divide divides a whole in proportion to demands, equally where there are none. The sum is
// never more than the whole, and less by one for each demand at most.
func Divide(whole uint32, demands []uint32) []uint32 {
	var sum uint64
	for _, d := range demands {
		sum += uint64(d)
	}
	shares := make([]uint32, len(demands))
	for i, d := range demands {
		if sum == 0 {
			shares[i] = whole / uint32(len(demands)) //nolint:gosec // as many as there are replicas
			continue
		}
		shares[i] = uint32(uint64(whole) * uint64(d) / sum) //nolint:gosec // at most the whole
	}
	return shares
}

// maxDemand bounds what one replica demands: ten times the limit.
const maxDemand = 10

// millionths returns a demand as claims have it.
func millionths(demand float64) uint32 {
	return uint32(math.Round(min(max(demand, 0), maxDemand) * ports.LimitWhole))
}
