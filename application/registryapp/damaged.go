package registryapp

import "github.com/signalbox-hq/signalbox/domain/registry"

// admit takes in an instance. What is known of one that is damaged now is history.
func (s *shelf) admit(i *registry.Instance, generation int64) {
	if !i.Damaged {
		s.set(i, generation)
		return
	}
	if before := s.instances.get(i.Ref()).Instance; before != nil && !before.Removed {
		gone := *before
		gone.Removed, gone.Held = true, false
		s.set(&gone, generation)
	}
}

// missing returns why there is no view.
func (s *shelf) missing() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.state.Damaged && !s.state.Deleted {
		return registry.ErrDamaged
	}
	return registry.ErrNotFound
}
