package registry_test

import (
	"fmt"
	"time"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// A service is registered with an instance, which is reported critical, and whose lease
// expires.
func Example() {
	name, _ := registry.ParseName("user-service")
	instance, _ := registry.ParseInstanceID("user-1")
	url, _ := registry.ParseURL("service_url", "http://10.0.4.7:8080")
	production, _ := scope.ParseEnvironment("production")
	ref := registry.Ref{Environment: production, Instance: instance}
	stamp := scope.Stamp{By: scope.Actor{KeyID: "4fT0aQ9z", Name: "deploy"}, At: time.Unix(0, 0).UTC()}

	service := registry.New(name)
	_, err := service.Register(registry.Registration{Instance: instance, URL: &url, Fallback: production}, stamp)
	fmt.Println(err, service.State().Status)

	_ = service.Report(ref, health.Critical, stamp)
	fmt.Println(service.State().Status)

	_ = service.Report(ref, health.Passing, stamp)
	service.Expire(false, stamp, registry.LeaseKey{Key: registry.Key{Service: name, Ref: ref}, Epoch: 1})
	i, _ := service.Instance(ref)
	fmt.Println(i.Observed(), i.Reason, i.Listed())
	for _, e := range service.PendingEvents() {
		fmt.Println(e.Envelope().AggregateVersion, e.Envelope().Type)
	}
	// Output:
	// <nil> healthy
	// unhealthy
	// critical lease_expired false
	// 1 service.registered
	// 2 instance.registered
	// 3 service.health_changed
	// 4 instance.health_changed
	// 5 service.health_changed
	// 6 instance.health_changed
	// 7 service.health_changed
	// 8 instance.health_changed
	// 9 service.health_changed
}
