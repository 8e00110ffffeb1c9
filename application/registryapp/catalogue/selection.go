package catalogue

import (
	"slices"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Selection selects instances; zero fields select all.
type Selection struct {
	// Ready selects instances that are ready, or held by self-preservation, and whose weight
	// is not 0.
	Ready              bool
	Zone, Tag, Version string
}

// Admits reports whether the selection includes an instance.
func (n Selection) Admits(i *registry.Instance) bool {
	return i.Listed() && (!n.Ready || i.Selectable()) && (n.Zone == "" || n.Zone == i.Zone) &&
		(n.Version == "" || n.Version == i.Version) && (n.Tag == "" || slices.Contains(i.Tags, n.Tag))
}

// Select returns the selected instances of a view, in the order of their ids.
func (v *View) Select(n Selection) []*registry.Instance {
	var list []*registry.Instance
	for _, i := range v.Instances {
		if n.Admits(i) {
			list = append(list, i)
		}
	}
	return list
}
