package accessapp

// MaxKnownForTest is how many keys are cached, and how many tokens.
const MaxKnownForTest = maxKnown

// KnownForTest returns how many keys are cached.
func (s *Service) KnownForTest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known)
}

// SessionsForTest returns how many sessions are open, of how many keys, and on how many
// key readings.
func (s *Service) SessionsForTest() [3]int {
	o := &s.sessions
	o.mu.Lock()
	defer o.mu.Unlock()
	return [3]int{o.open, len(o.byKey), len(o.holds)}
}

// AbsentForTest returns how many ids without a key are cached.
func (s *Service) AbsentForTest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.unknowns.absent)
}
