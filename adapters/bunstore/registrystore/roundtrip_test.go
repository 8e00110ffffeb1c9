package registrystore_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// drawRegistration draws a registration, which may be invalid.
func drawRegistration(t *rapid.T, instance string) registry.Registration {
	r := registry.Registration{}
	var err error
	if r.Fallback, err = scope.ParseEnvironment("production"); err != nil {
		t.Fatal(err)
	}
	if instance != "" {
		if r.Instance, err = registry.ParseInstanceID(instance); err != nil {
			t.Fatal(err)
		}
		r.TTL = new(time.Duration(rapid.IntRange(1, 3600).Draw(t, "ttl")) * time.Second)
	}
	url := func(label string) *registry.URL {
		u, err := registry.ParseURL("url", rapid.SampledFrom([]string{"http", "https"}).Draw(t, label+" scheme")+"://"+
			rapid.SampledFrom([]string{"h", "10.0.0.1:80", "[fd00::1]:8080", "[fe80::1%25eth0]:1", "a_b.c"}).Draw(t, label)+
			rapid.SampledFrom([]string{"", "/", "/a?b=%20", "/ü"}).Draw(t, label+" path"))
		if err != nil {
			return nil
		}
		return &u
	}
	if rapid.Bool().Draw(t, "by URL") {
		r.URL = url("url")
	}
	if r.URL == nil || rapid.Bool().Draw(t, "by host") {
		r.Host = new(rapid.OneOf(rapid.SampledFrom([]string{
			"h", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "10.0.0.1", "", "-", "a b", strings.Repeat("h", 243), strings.Repeat("h", 242),
		}), rapid.StringMatching(`[A-Za-z0-9._-]{1,253}`)).Draw(t, "host"))
		r.Ports = rapid.MapOfN(rapid.StringMatching(`[a-z.]{1,5}`), rapid.IntRange(0, 65_536), 0, 3).Draw(t, "ports")
	}
	if rapid.Bool().Draw(t, "checked") {
		r.HealthCheck = url("health check")
		spec := health.Spec{
			Type: rapid.SampledFrom([]string{"http", "tcp", "grpc"}).Draw(t, "check"), Port: rapid.IntRange(0, 65_535).Draw(t, "port"),
			IntervalSeconds: new(rapid.IntRange(1, 3600).Draw(t, "interval")),
		}
		if spec.Type == "http" {
			spec.BodyContains = storetest.DrawText().Draw(t, "contains")
			spec.Headers = map[string]string{"accept": rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "accept")}
		}
		if check, err := health.ParseCheck(spec); err == nil {
			r.Check = &check
		}
	}
	if metadata, err := registry.ParseMetadata([]byte(storetest.DrawObject(3).Draw(t, "metadata"))); err == nil {
		r.Metadata = &metadata
	}
	// Invalid parts are left out.
	for _, part := range []func(*registry.Registration){
		func(r *registry.Registration) { r.Zone = new(storetest.DrawText().Draw(t, "zone")) },
		func(r *registry.Registration) { r.Version = new(storetest.DrawText().Draw(t, "version")) },
		func(r *registry.Registration) {
			r.Tags = new(rapid.SliceOfN(storetest.DrawText(), 0, 3).Draw(t, "tags"))
		},
		func(r *registry.Registration) { r.Weight = new(rapid.IntRange(-1, 65_536).Draw(t, "weight")) },
	} {
		next := r
		if part(&next); next.Validate() == nil {
			r = next
		}
	}
	return r
}

func TestServicesRoundTrip(t *testing.T) {
	t.Parallel()
	storetest.EachStore(t, func(t *rapid.T, store *bunstore.Store, n int) {
		name, err := registry.ParseName(rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,20}`).Draw(t, "name") + "-" + strconv.Itoa(n))
		require.NoError(t, err)
		s := registry.New(name)
		instances := []string{""}
		if rapid.Bool().Draw(t, "instances") {
			instances = []string{"a", rapid.StringMatching(`[A-Za-z0-9_:][A-Za-z0-9._:-]{0,30}`).Draw(t, "instance") + "-"}
		}
		for i, instance := range instances {
			if _, err := s.Register(drawRegistration(t, instance), storetest.DrawStamp(t, "registered"+strconv.Itoa(i))); err != nil {
				t.Skip("invalid registration")
			}
		}
		require.NoError(t, registrystore.New(store).Save(t.Context(), s))
		found, err := registrystore.New(store).FindWithInstances(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, s.State(), found.State())
		require.Equal(t, s.Instances(), found.Instances())
	})
}
