package registryapi

import (
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
	"github.com/signalbox-hq/signalbox/domain/registry"
)

// texts are the constraints of the strings of this module, for the document. The domain
// checks them.
func texts() map[string]openapi.Text {
	return map[string]openapi.Text{
		"instance_id":      {Most: 255},
		"service_url":      {Format: "uri", Most: registry.MaxURLBytes},
		"health_check_url": {Format: "uri", Most: registry.MaxURLBytes},
		"host":             {Most: registry.MaxHostBytes},
		"zone":             {Most: registry.MaxLabelBytes},
		"version":          {Most: registry.MaxLabelBytes},
		"tags":             {Least: 1, Most: registry.MaxLabelBytes},
		"tag":              {Most: registry.MaxLabelBytes},
		"wait":             {Pattern: `^[0-9a-zµ.]*$`, Most: 20},
	}
}
