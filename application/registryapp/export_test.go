package registryapp

// Cached returns how many services and instances are cached, removed ones too.
func Cached(s *Service) (services, instances int) { return s.catalogue.Len() }
