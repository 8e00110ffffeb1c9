// Command clients does with the client that oapi-codegen generates what programs do with
// Signalbox, and exits with 1 where a result is not what the document says.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"reflect"

	"clients/api"
)

func check(ok bool, format string, args ...any) {
	if !ok {
		fmt.Fprintf(os.Stderr, "go: "+format+"\n", args...)
		os.Exit(1)
	}
}

// must returns a result, and fails for an error or a response without that result.
func must[T any](response interface{ StatusCode() int }, result *T, err error) T {
	check(err == nil, "%v", err)
	check(result != nil, "status %d", response.StatusCode())
	return *result
}

// refused checks the problem of a request that failed.
func refused(response interface{ StatusCode() int }, problem *api.Problem, err error, status int, code string) {
	found := must(response, problem, err)
	check(response.StatusCode() == status && found.Status == int64(status), "status %d, problem %v", response.StatusCode(), found)
	check(found.Code == code && found.Type == "urn:signalbox:problem:"+code && found.RequestId != "", "problem %v", found)
}

func main() {
	key := os.Getenv("SIGNALBOX_KEY")
	client, err := api.NewClientWithResponses(os.Getenv("SIGNALBOX_URL"), api.WithRequestEditorFn(
		func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "ApiKey "+key)
			return nil
		}))
	check(err == nil, "%v", err)
	ctx := context.Background()
	configurations(ctx, client)
	flags(ctx, client)
	services(ctx, client)
	fmt.Println("go: ok")
}

func configurations(ctx context.Context, client *api.ClientWithResponses) {
	created, err := client.CreateConfigurationWithResponse(ctx, api.ConfigurationCreate{
		Key: "database.url", Value: "one", Environment: "production", ServiceName: "go",
	})
	made := must(created, created.JSON201, err)
	check(made.Version == 1, "version %d", made.Version)
	headers := created.Headers201
	check(*headers.ETag == `"1"` && *headers.Location != "", "headers %v", headers)

	query := api.ReadConfigurationParams{Environment: "production", ServiceName: "go"}
	found, err := client.ReadConfigurationWithResponse(ctx, "database.url", &query)
	read := must(found, found.JSON200, err)
	check(read.Value != nil && *read.Value == "one", "value %v", read.Value)
	tag := *found.Headers200.ETag
	check(tag == `"1"`, "tag %s", tag)

	changed, err := client.UpdateConfigurationWithResponse(ctx, made.Id, &api.UpdateConfigurationParams{IfMatch: &tag},
		api.ConfigurationUpdate{Value: new("two")})
	check(must(changed, changed.JSON200, err).Version == 2 && *changed.Headers200.ETag == `"2"`, "the update is version 2")
	stale, err := client.UpdateConfigurationWithResponse(ctx, made.Id, &api.UpdateConfigurationParams{IfMatch: &tag},
		api.ConfigurationUpdate{Value: new("three")})
	refused(stale, stale.ApplicationproblemJSON412, err, 412, "stale_version")

	history, err := client.ListConfigurationHistoryWithResponse(ctx, made.Id, &api.ListConfigurationHistoryParams{Cursor: new("")})
	entries := must(history, history.JSON200, err)
	check(entries.Total == 2 && len(entries.History) == 2 && *entries.History[0].NewValue == "two", "history %v", entries)

	back, err := client.RollBackConfigurationWithResponse(ctx, made.Id, nil, api.RollBack{Version: 1})
	restored := must(back, back.JSON200, err)
	check(restored.Version == 3 && *restored.Value == "one", "rollback %v", restored)

	list, err := client.ListConfigurationsWithResponse(ctx, &api.ListConfigurationsParams{ServiceName: new("go")})
	check(len(must(list, list.JSON200, err).Configurations) == 1, "one configuration")
	query.ServiceName = "nobody"
	none, err := client.ReadConfigurationWithResponse(ctx, "database.url", &query)
	refused(none, none.ApplicationproblemJSON404, err, 404, "configuration_not_found")
}

func flags(ctx context.Context, client *api.ClientWithResponses) {
	for kind, variants := range map[string]map[string]any{
		"boolean": {"on": true, "off": false}, "string": {"on": "a", "off": "b"}, "integer": {"on": 1.0, "off": 2.0},
		"float": {"on": 0.5, "off": 1.5}, "object": {"on": map[string]any{"a": 1.0}, "off": map[string]any{}},
	} {
		name := "go-" + kind
		created, err := client.CreateFlagWithResponse(ctx, api.FlagCreate{
			Name: name, Environment: "production", Type: new(api.FlagCreateType(kind)), IsEnabled: new(true),
			Variants: &variants, Default: &api.FlagServing{Variant: new("on")},
		})
		made := must(created, created.JSON201, err)
		check(made.IsEnabled != nil && *made.IsEnabled && made.Version == 1, "flag %v", made)

		decided, err := client.EvaluateFlagWithResponse(ctx, api.FlagEvaluate{
			FlagName: name, Environment: "production", UserId: "u1", Context: &map[string]any{"plan": "gold"},
		})
		decision := must(decided, decided.JSON200, err)
		check(decision.Enabled && *decision.Variant == "on" && reflect.DeepEqual(decision.Value, variants["on"]),
			"%s is %v", name, decision)
	}
	found, err := client.ReadFlagWithResponse(ctx, "go-boolean", &api.ReadFlagParams{Environment: "production"})
	flag := must(found, found.JSON200, err)
	tag := *found.Headers200.ETag
	condition := &api.UpdateFlagParams{IfMatch: &tag}
	changed, err := client.UpdateFlagWithResponse(ctx, flag.Id, condition, api.FlagChange{TargetUsers: &[]string{"u2"}})
	check(must(changed, changed.JSON200, err).Version == 2 && *changed.Headers200.ETag == `"2"`, "the update is version 2")
	stale, err := client.UpdateFlagWithResponse(ctx, flag.Id, condition, api.FlagChange{TargetUsers: &[]string{"u3"}})
	refused(stale, stale.ApplicationproblemJSON412, err, 412, "stale_version")
	history, err := client.ListFlagHistoryWithResponse(ctx, flag.Id, nil)
	entries := must(history, history.JSON200, err)
	check(entries.Total == 2 && reflect.DeepEqual(*entries.History[0].New.TargetUsers, []string{"u2"}), "history %v", entries)
	back, err := client.RollBackFlagWithResponse(ctx, flag.Id, nil, api.RollBack{Version: 1})
	restored := must(back, back.JSON200, err)
	check(restored.Version == 3 && len(*restored.TargetUsers) == 0, "rollback %v", restored)
	none, err := client.ReadFlagWithResponse(ctx, "nothing", &api.ReadFlagParams{Environment: "production"})
	refused(none, none.ApplicationproblemJSON404, err, 404, "flag_not_found")
	ahead, err := client.ReadFlagWithResponse(ctx, "go-boolean", &api.ReadFlagParams{Environment: "production", MinVersion: new(int64(9))})
	refused(ahead, ahead.ApplicationproblemJSON412, err, 412, "stale_version")
	explained, err := client.ExplainFlagWithResponse(ctx, api.FlagExplain{
		FlagName: "go-boolean", Environment: "production", UserId: "u1",
	})
	why := must(explained, explained.JSON200, err)
	check(why.Decision.Enabled && len(why.Steps) > 0, "explanation %v", why)
	last := why.Steps[len(why.Steps)-1]
	check(last.Step == "serve" && last.Held && *last.Variant == "on", "explanation %v", why)
}

func services(ctx context.Context, client *api.ClientWithResponses) {
	registered, err := client.RegisterServiceWithResponse(ctx, api.ServiceRegister{
		ServiceName: "go", InstanceId: new("a"), ServiceUrl: new("http://127.0.0.1:1"), TtlSeconds: new(int64(30)),
	})
	made := must(registered, registered.JSON201, err)
	check(made.LeaseEpoch != nil && *made.LeaseEpoch == 1, "service %v", made)
	renewed, err := client.RenewLeaseWithResponse(ctx, "go", "a", nil, api.ServiceHeartbeat{LeaseEpoch: *made.LeaseEpoch})
	check(must(renewed, renewed.JSON200, err).ExpiresInMs == 30_000, "heartbeat")
	batch, err := client.RenewLeasesWithResponse(ctx, api.ServiceHeartbeats{Heartbeats: []api.ServiceListedHeartbeat{
		{ServiceName: "go", InstanceId: "a", LeaseEpoch: *made.LeaseEpoch}, {ServiceName: "go", InstanceId: "b", LeaseEpoch: 1},
	}})
	results := must(batch, batch.JSON200, err).Results
	check(len(results) == 2 && results[0].Status == 200 && results[1].Status == 404, "batch %v", results)
	discovered, err := client.DiscoverWithResponse(ctx, "go", &api.DiscoverParams{Ready: new(true)})
	instances := must(discovered, discovered.JSON200, err)
	check(len(instances) == 1 && instances[0].InstanceId == "a" && instances[0].Observed == "passing", "discovery %v", instances)
	check(*discovered.Headers200.ETag != "", "discovery has no ETag")
}
