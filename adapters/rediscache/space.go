package rediscache

import (
	"errors"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// errNoEpoch is the cause of calls that fail before the replica has read the feed.
var errNoEpoch = errors.New("feed epoch unknown: the database was not read since the start")

// space is the key space of one epoch of the feed. Epochs share no keys: a lease of one
// epoch is not read, renewed or expired in another.
type space struct{ epoch, prefix string }

// space returns the key space of the current epoch.
func (s *Store) space() (*space, error) {
	epoch := s.epoch()
	if epoch == "" {
		return nil, registry.ErrLeasesUnavailable.WithCause(errNoEpoch)
	}
	if current := s.current.Load(); current != nil && current.epoch == epoch {
		return current, nil
	}
	current := s.spaceOf(epoch)
	s.current.Store(current)
	return current, nil
}

func (s *Store) spaceOf(epoch string) *space {
	return &space{epoch: epoch, prefix: s.prefix + "registry:" + epoch + ":"}
}

func (k *space) election() string { return k.prefix + "sweeper" }

func (k *space) running() string { return k.prefix + "running" }

func (k *space) expired() string { return k.prefix + "ended" }

func (k *space) members() string { return k.prefix + "members" }

func (k *space) directory() string { return k.prefix + "shown" }

func (k *space) leases() string { return k.prefix + "lease:" }

func (k *space) lease(of registry.Key) string { return k.leases() + member(of) }

// leasesOf is the prefix of the leases of a service.
func (k *space) leasesOf(service string) string { return k.leases() + service + "/" }

// environments has the environments of each published instance id.
func (k *space) environments(service string) string { return k.prefix + "homes:" + service }

func (k *space) reading(service string) string { return k.prefix + "reading:" + service }
