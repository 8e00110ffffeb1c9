package registry

// RestoreStep is how far apart the epochs are that are drawn before and after a restore
// of the database: with each restore those of every service go on from the next multiple
// of it. So an epoch that was drawn after the backup is not drawn again.
const RestoreStep Epoch = 1 << 24

// Undone reports whether an epoch may have been drawn in a history that a restore has
// undone: the instance, as it stands, was registered under a lower one, before the last
// restore. Whoever holds such an epoch has lost its registration and nothing else: it
// is to register again.
func (s *Attributes) Undone(i *Instance, epoch Epoch) bool {
	restored := s.Epoch / RestoreStep * RestoreStep
	return i.Epoch < epoch && epoch <= restored
}
