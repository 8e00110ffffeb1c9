package registry

// RestoreStep separates the epochs before and after a restore of the database: with each
// restore those of every service continue from the next multiple of it. So an epoch that
// was drawn after the backup is not drawn again.
const RestoreStep Epoch = 1 << 24

// Undone reports whether an epoch may have been drawn in a history that a restore has
// undone: the instance was registered under a lower one, before the last restore. A
// client with such an epoch has lost its registration and nothing else: it is to register
// again.
func (s *Attributes) Undone(i *Instance, epoch Epoch) bool {
	restored := s.Epoch / RestoreStep * RestoreStep
	return i.Epoch < epoch && epoch <= restored
}
