package rediscache

import (
	"errors"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// errNoEpoch is a replica that has not read the feed yet.
var errNoEpoch = errors.New("the feed's epoch is not known yet: the database was not read since the start")

// space names the keys of one epoch of the feed. Leases of another epoch are other
// keys: nothing that is written in one epoch is read, renewed or ended in another.
type space struct{ epoch, prefix string }

// space returns the keys of the present epoch.
func (s *Store) space() (*space, error) {
	epoch := s.epoch()
	if epoch == "" {
		return nil, registry.ErrLeasesUnavailable.WithCause(errNoEpoch)
	}
	if present := s.present.Load(); present != nil && present.epoch == epoch {
		return present, nil
	}
	present := s.spaceOf(epoch)
	s.present.Store(present)
	return present, nil
}

func (s *Store) spaceOf(epoch string) *space {
	return &space{epoch: epoch, prefix: s.prefix + "registry:" + epoch + ":"}
}

func (k *space) sweeper() string { return k.prefix + "sweeper" }

func (k *space) running() string { return k.prefix + "running" }

func (k *space) ended() string { return k.prefix + "ended" }

func (k *space) members() string { return k.prefix + "members" }

func (k *space) shown() string { return k.prefix + "shown" }

func (k *space) leases() string { return k.prefix + "lease:" }

func (k *space) lease(of registry.Key) string { return k.leases() + member(of) }

// leasesOf is the prefix of the leases of a service.
func (k *space) leasesOf(service string) string { return k.leases() + service + "/" }

// homes is where the environments of each published instance id are kept.
func (k *space) homes(service string) string { return k.prefix + "homes:" + service }

func (k *space) reading(service string) string { return k.prefix + "reading:" + service }
