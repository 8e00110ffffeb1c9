package registryapp

import (
	"iter"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// roster holds the instances of a service by their ids. Those of one id differ in
// their environments; mostly there is one.
type roster map[registry.InstanceID][]placed

// placed is an instance with the generation as of which it is known.
type placed struct {
	*registry.Instance
	generation int64
}

// get returns what is known of an instance; the zero value where nothing is.
func (r roster) get(ref registry.Ref) placed {
	for _, p := range r[ref.Instance] {
		if p.Environment == ref.Environment {
			return p
		}
	}
	return placed{}
}

// put makes p what is known of its instance.
func (r roster) put(p placed) {
	same := r[p.ID]
	for n := range same {
		if same[n].Environment == p.Environment {
			same[n] = p
			return
		}
	}
	r[p.ID] = append(same, p)
}

// drop forgets an instance.
func (r roster) drop(ref registry.Ref) {
	left := slices.DeleteFunc(r[ref.Instance], func(p placed) bool { return p.Environment == ref.Environment })
	if len(left) == 0 {
		delete(r, ref.Instance)
		return
	}
	r[ref.Instance] = left
}

// all returns every instance, in no order.
func (r roster) all() iter.Seq[placed] {
	return func(yield func(placed) bool) {
		for _, same := range r {
			for _, p := range same {
				if !yield(p) {
					return
				}
			}
		}
	}
}
