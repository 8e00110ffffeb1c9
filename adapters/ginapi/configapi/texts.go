package configapi

import (
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// texts are the constraints of the strings of this module, for the document. The domain
// checks them.
func texts() map[string]openapi.Text {
	return map[string]openapi.Text{
		"key":        {Pattern: `^[A-Za-z0-9_][A-Za-z0-9_.:/@+\[\]-]*$`, Least: 1, Most: configuration.MaxKeyBytes},
		"key_prefix": {Most: configuration.MaxKeyBytes},
		"value":      {Most: configuration.MaxValueBytes},
		"new_value":  {Most: configuration.MaxValueBytes},
		"old_value":  {Most: configuration.MaxValueBytes},
	}
}

// examples are bodies of requests, by operation.
func examples() map[string]string {
	return map[string]string{
		"create-configuration": `{"key": "database.url", "value": "postgres://db-1/shop", ` +
			`"environment": "production", "service_name": "shop"}`,
		"update-configuration":    `{"value": "postgres://db-2/shop"}`,
		"roll-back-configuration": `{"version": 1}`,
	}
}
