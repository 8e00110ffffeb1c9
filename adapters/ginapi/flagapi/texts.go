package flagapi

import (
	"github.com/signalbox-hq/signalbox/adapters/ginapi/evaluation"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// texts are the constraints of the strings of this module, for the document. The domain
// checks them.
func texts() map[string]openapi.Text {
	return map[string]openapi.Text{
		"name":        {Most: scope.MaxFlagNameBytes},
		"name_prefix": {Most: scope.MaxFlagNameBytes},
		// An unknown name is answered by flag_not_found, whatever it is.
		"flag_name":      {Most: evaluation.MaxBytes},
		"flag_names":     {Most: evaluation.MaxBytes},
		"variant":        {Most: flag.MaxNameBytes},
		"off_variant":    {Most: flag.MaxNameBytes},
		"target_variant": {Most: flag.MaxNameBytes},
		"rollout_group":  {Most: flag.MaxNameBytes},
		"bucket_by":      {Most: targeting.MaxAttributeBytes},
		"attribute":      {Most: targeting.MaxAttributeBytes},
		"target_users":   {Least: 1, Most: flag.MaxUserBytes},
	}
}

// examples are bodies of requests, by operation.
func examples() map[string]string {
	return map[string]string{
		"create-flag": `{"name": "new_checkout_flow", "environment": "production", ` +
			`"is_enabled": true, "rollout_percentage": 50}`,
		"update-flag":    `{"rollout_percentage": 60}`,
		"roll-back-flag": `{"version": 1}`,
		"preview-flag":   `{"rollout_percentage": 60}`,
		"evaluate-flag": `{"flag_name": "new_checkout_flow", ` +
			`"environment": "production", "user_id": "user123"}`,
		"evaluate-flags": `{"flag_names": ["new_checkout_flow"], ` +
			`"environment": "production", "user_id": "user123"}`,
		"explain-flag": `{"flag_name": "new_checkout_flow", ` +
			`"environment": "production", "user_id": "user123"}`,
	}
}
