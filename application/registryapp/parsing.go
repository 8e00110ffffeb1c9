package registryapp

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// parsing collects the errors of an input.
type parsing struct{ faults fault.Collector }

func (p *parsing) note(err error) { p.faults.Note(err) }

// parse parses one string.
func parse[T any](p *parsing, how func(string) (T, error), text string) T {
	v, err := how(text)
	p.note(err)
	return v
}

// parseURL parses a URL, where "" is none.
func parseURL(p *parsing, field string, text *string) *registry.URL {
	if text == nil {
		return nil
	}
	if *text == "" && field != "service_url" {
		return &registry.URL{}
	}
	u, err := registry.ParseURL(field, *text)
	p.note(err)
	return &u
}

func parseMetadata(p *parsing, text []byte) *registry.Metadata {
	if text == nil {
		return nil
	}
	m, err := registry.ParseMetadata(text)
	p.note(err)
	return &m
}

// seconds reads a number of seconds within the bounds of the domain.
func (p *parsing) seconds(field string, n *int) *time.Duration {
	const most = int(registry.MaxRemoval / time.Second)
	switch {
	case n == nil:
		return nil
	case *n < 1 || *n > most:
		p.note(fault.Bad(field, "must be at least 1, and at most ten years"))
		return nil
	}
	return new(time.Duration(*n) * time.Second)
}
