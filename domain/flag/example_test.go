package flag_test

import (
	"context"
	"fmt"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// A module that has flags of its own needs no adapter to evaluate them.
func Example() {
	change, _ := flag.ParseCreation(context.Background(), []byte(`{
		"is_enabled": true, "rollout_percentage": 25, "target_users": ["user123"],
		"rules": [{"conditions": [{"attribute": "plan", "operator": "equals", "values": ["gold"]}], "variant": "on"}]
	}`))
	definition, _ := flag.Define(change, "0123456789abcdef")
	environment, _ := scope.ParseEnvironment("production")
	name, _ := flag.ParseName("new_checkout_flow")
	created := flag.New(flag.Identity{Environment: environment, Name: name}, flag.Draft{Definition: definition}, scope.Stamp{})
	compiled := flag.Compile(created.State())

	var context targeting.Context
	context.SetKey(targeting.TextValue("user123"))
	decision := flag.Evaluate(compiled, &context)
	fmt.Println(decision.Variant.Name, decision.Reason)

	context.Reset()
	context.Add("plan", targeting.TextValue("gold"))
	decision = flag.Evaluate(compiled, &context)
	fmt.Println(decision.Variant.Name, decision.Reason, decision.Rule)

	context.Reset()
	fmt.Println(flag.Evaluate(compiled, &context).Err())
	// Output:
	// on TARGETING_MATCH
	// on TARGETING_MATCH rule-1
	// targeting_key_missing: The flag is rolled out by percentage, and the context has no targeting key. Send one.
}
