package registryapp

// Held returns how many services and instances are in memory, removed ones too.
func Held(s *Service) (services, instances int) {
	s.catalogue.each(func(known *shelf) bool {
		known.mu.RLock()
		defer known.mu.RUnlock()
		services++
		for range known.instances.all() {
			instances++
		}
		return true
	})
	return services, instances
}
