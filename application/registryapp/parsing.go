package registryapp

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// parsing collects the errors of all fields of an input.
type parsing struct{ faults fault.Collector }

func (p *parsing) note(err error) { p.faults.Note(err) }

// parse parses a string and notes its error.
func parse[T any](p *parsing, parser func(string) (T, error), value string) T {
	v, err := parser(value)
	p.note(err)
	return v
}

// parseURL parses a URL; "" removes an optional one.
func parseURL(p *parsing, field string, value *string) *registry.URL {
	if value == nil {
		return nil
	}
	if *value == "" && field != "service_url" {
		return &registry.URL{}
	}
	u, err := registry.ParseURL(field, *value)
	p.note(err)
	return &u
}

func parseMetadata(p *parsing, value []byte) *registry.Metadata {
	if value == nil {
		return nil
	}
	m, err := registry.ParseMetadata(value)
	p.note(err)
	return &m
}

// seconds converts a number of seconds within the bounds of the domain.
func (p *parsing) seconds(field string, n *int) *time.Duration {
	const maximum = int(registry.MaxRemoval / time.Second)
	switch {
	case n == nil:
		return nil
	case field == "ttl_seconds" && (*n < 1 || *n > maximum):
		p.note(fault.Bad(field, "must be between 1 and 3600"))
		return nil
	case *n < 1 || *n > maximum:
		p.note(fault.Bad(field, "must be at least ttl_seconds, and at most ten years"))
		return nil
	}
	return new(time.Duration(*n) * time.Second)
}
