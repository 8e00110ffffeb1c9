package access_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// A key is issued, verified and authorised without any adapter.
func Example() {
	now := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	pepper := secret.New("drawn at random, and kept")
	token, err := access.NewToken("4fT0aQ9z", strings.Repeat("x", access.SecretLength))
	if err != nil {
		panic(err)
	}
	key, err := access.NewAPIKey(token, pepper, access.KeyAttributes{
		Name: "billing", Grants: []access.Grant{{Role: access.RoleReader}}, Created: now, Expires: now.Add(time.Hour),
	})
	if err != nil {
		panic(err)
	}
	caller := access.Caller{Actor: key.Actor(), Grants: key.Grants()}

	fmt.Println(token.Text(), key.Opens(token, pepper, now), key.Opens(token, pepper, now.Add(time.Hour)))
	fmt.Println(caller.May(access.ReadConfiguration, access.Resource{}))
	fmt.Println(caller.Require(access.WriteConfiguration, access.Resource{}))
	// Output:
	// [REDACTED] true false
	// true
	// forbidden: This API key does not allow the action.: denied: configuration.write
}
