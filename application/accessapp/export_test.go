package accessapp

// KnownForTest returns how many keys are remembered.
func (s *Service) KnownForTest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known)
}
