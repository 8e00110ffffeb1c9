package registryapp

// Cached returns how many services and instances are cached, removed ones too.
func Cached(s *Service) (services, instances int) {
	s.catalogue.each(func(service *cachedService) bool {
		service.mu.RLock()
		defer service.mu.RUnlock()
		services++
		for range service.instances.all() {
			instances++
		}
		return true
	})
	return services, instances
}
