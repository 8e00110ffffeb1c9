package registry

// Size is how large the registry is, or by how much a change makes it larger.
type Size struct{ Services, Instances, MetadataBytes int }

// SizeOf returns the size of an instance: zero for one that is removed, or nil.
func SizeOf(i *Instance) Size {
	if i == nil || i.Removed {
		return Size{}
	}
	return Size{Instances: 1, MetadataBytes: len(i.Metadata.JSON())}
}

// Plus returns both together.
func (s Size) Plus(t Size) Size {
	return Size{s.Services + t.Services, s.Instances + t.Instances, s.MetadataBytes + t.MetadataBytes}
}

// Minus returns s without t.
func (s Size) Minus(t Size) Size {
	return Size{s.Services - t.Services, s.Instances - t.Instances, s.MetadataBytes - t.MetadataBytes}
}

// Admit returns why something of that size may not grow so, where s is the most that
// is allowed: ErrTooManyServices, ErrTooManyInstances or ErrTooMuchMetadata. What does
// not grow is admitted, and a bound of 0 is none.
func (s Size) Admit(present, growth Size) error {
	exceeds := func(most, now, more int) bool { return most > 0 && more > 0 && now+more > most }
	switch {
	case exceeds(s.Services, present.Services, growth.Services):
		return ErrTooManyServices
	case exceeds(s.Instances, present.Instances, growth.Instances):
		return ErrTooManyInstances
	case exceeds(s.MetadataBytes, present.MetadataBytes, growth.MetadataBytes):
		return ErrTooMuchMetadata
	}
	return nil
}

// Growth returns by how much the changes that are not saved make the registry larger,
// unless they take the service away.
func (s *Service) Growth() Size { return s.growth }
