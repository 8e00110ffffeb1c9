package configuration_test

import (
	"fmt"
	"time"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// faultCode returns the stable code of an error.
func faultCode(err error) string { return fault.Of(err).Code() }

// A configuration is used without any adapter: the aggregate makes versions, history
// entries and events, which a store saves.
func Example() {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	environment, err := scope.ParseEnvironment("production")
	must(err)
	service, err := scope.ParseServiceName("shop")
	must(err)
	key, err := configuration.ParseKey("database.url")
	must(err)
	one, err := configuration.ParseValue("postgres://db-1/shop")
	must(err)
	two, err := configuration.ParseValue("postgres://db-2/shop")
	must(err)
	stamp := scope.Stamp{
		By: scope.Actor{KeyID: "4fT0aQ9z", Name: "deploy"},
		At: time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC),
	}

	c := configuration.New(
		configuration.Identity{Environment: environment, Service: service, Key: key},
		configuration.Draft{Content: configuration.Plain(one)}, stamp)
	_, err = c.Update(configuration.Draft{Content: configuration.Plain(two)}, stamp)
	must(err)
	_, err = c.RollBack(c.Unsaved().Entries[0], stamp)
	must(err)

	for _, e := range c.Unsaved().Entries {
		fmt.Println(e.Version, e.Action, e.Stamp.By)
	}
	fmt.Println("holds", c.Content().Stored().Reveal(), "and prints", c.Content().Stored())
	fmt.Println(c.PendingEvents()[2].Envelope().Type)
	fmt.Println(c.Delete(stamp), c.Delete(stamp))
	// Output:
	// 1 create deploy
	// 2 update deploy
	// 3 rollback deploy
	// holds postgres://db-1/shop and prints [REDACTED]
	// configuration.rolled_back
	// <nil> configuration_not_found: The configuration does not exist.
}
