package catalogue

import (
	"iter"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// instanceSet is the instances of a service by their ids. Those of one id differ in
// their environments; mostly there is one.
type instanceSet map[registry.InstanceID][]cachedInstance

// cachedInstance is an instance as of a generation of its service.
type cachedInstance struct {
	*registry.Instance
	generation int64
}

// get returns an instance, or the zero value where it is not cached.
func (n instanceSet) get(ref registry.Ref) cachedInstance {
	for _, i := range n[ref.Instance] {
		if i.Environment == ref.Environment {
			return i
		}
	}
	return cachedInstance{}
}

// put adds or replaces an instance.
func (n instanceSet) put(i cachedInstance) {
	same := n[i.ID]
	for at := range same {
		if same[at].Environment == i.Environment {
			same[at] = i
			return
		}
	}
	n[i.ID] = append(same, i)
}

// remove removes an instance.
func (n instanceSet) remove(ref registry.Ref) {
	left := slices.DeleteFunc(n[ref.Instance], func(i cachedInstance) bool { return i.Environment == ref.Environment })
	if len(left) == 0 {
		delete(n, ref.Instance)
		return
	}
	n[ref.Instance] = left
}

// all returns every instance, in no order.
func (n instanceSet) all() iter.Seq[cachedInstance] {
	return func(yield func(cachedInstance) bool) {
		for _, same := range n {
			for _, i := range same {
				if !yield(i) {
					return
				}
			}
		}
	}
}
