package bunstore_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/flagstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// Aggregates that the domain accepts are loaded as they were saved, on each store. What
// the domain rejects of the drawn input is skipped.

// onEachStore checks a property on stores that all draws share.
func onEachStore(t *testing.T, property func(t *rapid.T, store *bunstore.Store, n int)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *bunstore.Store{"SQLite": storetest.Memory, "PostgreSQL": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				n++
				property(rt, store, n)
			})
			require.Zero(t, store.DamagedRows())
		})
	}
}

// drawText draws any text that JSON can hold, edge cases often.
func drawText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", " ", "<&>", "\u2028\u2029", "\uFFFD\uFFFE", "\x00", "\x7f", "'", `"\`, "%eth0", "ü", "\U0001F600", "\r\n\t\b\f",
	}))
}

// drawNumber draws a number as JSON writes it.
func drawNumber() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"0", "-0", "-0.0", "0e5", "1.0", "1.50", "1e2", "1E+2", "1.50e1", "1e-7", "5e-324", "1e-400", "1e300", "1e308", "1e400",
			"1.7976931348623157e308", "2.2250738585072014e-308", "9007199254740993", "12345678901234567890.5", "0.1", "-1e-3",
			"1" + strings.Repeat("0", 398), "0." + strings.Repeat("7", 390) + "e-300",
		}),
		rapid.Custom(func(t *rapid.T) string { return strconv.FormatFloat(rapid.Float64().Draw(t, "f"), 'g', -1, 64) }),
	)
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(b)
}

// drawJSON draws any JSON of some depth.
func drawJSON(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(1, kinds).Draw(t, "kind") {
		case 1:
			return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "literal")
		case 2:
			return drawNumber().Draw(t, "number")
		case 5:
			return "[" + strings.Join(rapid.SliceOfN(drawJSON(depth-1), 0, 4).Draw(t, "list"), ",") + "]"
		case 6:
			return drawObject(depth).Draw(t, "object")
		}
		return quoted(drawText().Draw(t, "text"))
	})
}

func drawObject(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		members := rapid.MapOfN(drawText(), drawJSON(depth-1), 0, 5).Draw(t, "members")
		list := make([]string, 0, len(members))
		for name, v := range members {
			list = append(list, quoted(name)+":"+v)
		}
		return "{" + strings.Join(list, ",") + "}"
	})
}

// drawStamp draws an actor and any time of a clock.
func drawStamp(t *rapid.T, label string) scope.Stamp {
	seconds := rapid.Int64Range(-62_135_596_799, 253_402_300_799).Draw(t, label+" seconds")
	micros := rapid.Int64Range(0, 999_999).Draw(t, label+" microseconds")
	stamp := scope.Stamp{At: time.Unix(seconds, micros*1000).UTC()}
	if rapid.Bool().Draw(t, label+" known") {
		stamp.By = scope.Actor{
			KeyID: rapid.StringMatching(`[0-9A-Za-z]{8}`).Draw(t, label+" key"),
			Name:  rapid.StringMatching(`[!-~äöü€]{1,25}`).Draw(t, label+" name"),
		}
		stamp.RequestID = rapid.StringMatching(`[!-~]{0,64}`).Draw(t, label+" request")
	}
	return stamp
}

func drawDescription(t *rapid.T) (d scope.Description) {
	if rapid.Bool().Draw(t, "described") {
		if parsed, err := scope.ParseDescription(drawText().Draw(t, "description")); err == nil {
			d = parsed
		}
	}
	return d
}

func TestConfigurationsComeBackAsTheyWereSaved(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *rapid.T, store *bunstore.Store, n int) {
		draft := func(label string) configuration.Draft {
			d := configuration.Draft{Description: drawDescription(t)}
			v, err := configuration.ParseValue(drawText().Draw(t, label))
			if err != nil {
				t.Skip("invalid value")
			}
			if d.Content = configuration.Plain(v); rapid.Bool().Draw(t, label+" sealed") {
				d.Content = configuration.Sealed(rapid.StringMatching(`[A-Za-z0-9_=-]{1,40}`).Draw(t, label+" token"))
			}
			return d
		}
		identity, err := configuration.Locator{
			Environment: rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,9}`).Draw(t, "environment"),
			Service:     rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,9}`).Draw(t, "service"),
			Key:         rapid.StringMatching(`[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,20}`).Draw(t, "key") + strconv.Itoa(n),
		}.Parse()
		require.NoError(t, err)
		c := configuration.New(identity, draft("value"), drawStamp(t, "created"))
		if _, err := c.Update(draft("next"), drawStamp(t, "updated")); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "deleted") {
			require.NoError(t, c.Delete(drawStamp(t, "deleted")))
		}
		entries := c.Unsaved().Entries
		require.NoError(t, configstore.New(store).Save(t.Context(), c))
		found, err := configstore.New(store).Find(t.Context(), c.ID())
		require.NoError(t, err)
		require.Equal(t, c.State(), found.State())
		history, err := configstore.New(store).Entries(t.Context(), c.ID(), 10, 0)
		require.NoError(t, err)
		stored, total := history.Entries, history.Total
		require.Equal(t, len(entries), total)
		for i, e := range entries {
			e.ID, e.AggregateID = stored[total-1-i].ID, c.ID()
			require.Equal(t, e, stored[total-1-i])
		}
	})
}

// drawFlag draws the JSON of a flag, which may be invalid.
func drawFlag(t *rapid.T) string {
	kind := rapid.SampledFrom([]string{"boolean", "string", "integer", "float", "object"}).Draw(t, "type")
	value := map[string]*rapid.Generator[string]{
		"boolean": rapid.SampledFrom([]string{"true", "false"}),
		"string":  rapid.Custom(func(t *rapid.T) string { return quoted(drawText().Draw(t, "text")) }),
		"integer": drawNumber(), "float": drawNumber(), "object": drawObject(3),
	}[kind]
	condition := func(label string) string {
		values := rapid.SliceOfN(rapid.OneOf(drawNumber(), rapid.Custom(func(t *rapid.T) string {
			return quoted(drawText().Draw(t, "text"))
		})), 1, 3).Draw(t, label)
		return fmt.Sprintf(`{"attribute":%s,"operator":%q,"values":[%s],"negate":%v}`, quoted(drawText().Draw(t, label+" attribute")),
			rapid.SampledFrom([]string{"equals", "one_of", "less", "greater", "starts_with", "in"}).Draw(t, label+" operator"),
			strings.Join(values, ","), rapid.Bool().Draw(t, label+" negate"))
	}
	users, err := json.Marshal(rapid.SliceOfNDistinct(drawText(), 0, 3, rapid.ID).Draw(t, "users"))
	require.NoError(t, err)
	weight := rapid.IntRange(0, 1_000_000).Draw(t, "weight")
	return fmt.Sprintf(`{"type":%q,"variants":{"a":%s,"b":%s},"off_variant":"b","target_variant":"a","target_users":%s,"is_enabled":%v,`+
		`"default":{"allocation":{"a":%d,"b":%d}},"rules":[{"variant":"b","conditions":[%s],"share":{"percentage":%s}}],"bucket_by":%s}`,
		kind, value.Draw(t, "a"), value.Draw(t, "b"), users, rapid.Bool().Draw(t, "on"), weight, 1_000_000-weight,
		condition("condition"), flag.Percentage(rapid.Uint32Range(0, 1_000_000).Draw(t, "share")),
		quoted(drawText().Draw(t, "bucket by")))
}

func TestFlagsComeBackAsTheyWereSaved(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *rapid.T, store *bunstore.Store, n int) {
		c, err := flag.ParseCreation(t.Context(), []byte(drawFlag(t)))
		if err != nil {
			t.Skip("invalid flag")
		}
		d, err := flag.Define(c, fixture.Salt)
		if err != nil {
			t.Skip("invalid flag")
		}
		identity, err := flag.Locator{
			Environment: rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,9}`).Draw(t, "environment"),
			Name:        rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._:-]{0,20}`).Draw(t, "name") + strconv.Itoa(n),
		}.Parse()
		require.NoError(t, err)
		f := flag.New(identity, flag.Draft{Description: drawDescription(t), Definition: d}, drawStamp(t, "created"))
		next, err := flag.ParseChange(t.Context(), []byte(`{"is_enabled":`+strconv.FormatBool(!d.Enabled())+`}`))
		require.NoError(t, err)
		if _, err := f.Update(next, drawStamp(t, "updated")); err != nil {
			t.Skip("invalid change")
		}
		if rapid.Bool().Draw(t, "deleted") {
			require.NoError(t, f.Delete(drawStamp(t, "deleted")))
		}
		entries := f.Unsaved().Entries
		require.NoError(t, flagstore.New(store).Save(t.Context(), f))
		found, err := flagstore.New(store).Find(t.Context(), f.ID())
		require.NoError(t, err)
		require.Equal(t, f.State().Definition.JSON(), found.State().Definition.JSON())
		require.Equal(t, [2]any{f.State().Description, f.State().Lifecycle}, [2]any{found.State().Description, found.State().Lifecycle})
		history, err := flagstore.New(store).Entries(t.Context(), f.ID(), 10, 0)
		require.NoError(t, err)
		stored, total := history.Entries, history.Total
		require.Equal(t, len(entries), total)
		for i, e := range entries {
			k := stored[total-1-i]
			require.Equal(t, [3]any{e.Action, e.Version, e.Stamp}, [3]any{k.Action, k.Version, k.Stamp})
			require.Equal(t, [2]string{text(e.Old), text(e.New)}, [2]string{text(k.Old), text(k.New)})
		}
	})
}

// text returns a draft as text.
func text(d *flag.Draft) string {
	if d == nil {
		return "none"
	}
	description, given := d.Description.Text()
	return fmt.Sprint(d.Definition.JSON(), description, given)
}

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
			spec.BodyContains = drawText().Draw(t, "contains")
			spec.Headers = map[string]string{"accept": rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "accept")}
		}
		if check, err := health.ParseCheck(spec); err == nil {
			r.Check = &check
		}
	}
	if metadata, err := registry.ParseMetadata([]byte(drawObject(3).Draw(t, "metadata"))); err == nil {
		r.Metadata = &metadata
	}
	// Invalid parts are left out.
	for _, part := range []func(*registry.Registration){
		func(r *registry.Registration) { r.Zone = new(drawText().Draw(t, "zone")) },
		func(r *registry.Registration) { r.Version = new(drawText().Draw(t, "version")) },
		func(r *registry.Registration) { r.Tags = new(rapid.SliceOfN(drawText(), 0, 3).Draw(t, "tags")) },
		func(r *registry.Registration) { r.Weight = new(rapid.IntRange(-1, 65_536).Draw(t, "weight")) },
	} {
		next := r
		if part(&next); next.Validate() == nil {
			r = next
		}
	}
	return r
}

func TestServicesComeBackAsTheyWereSaved(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *rapid.T, store *bunstore.Store, n int) {
		name, err := registry.ParseName(rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,20}`).Draw(t, "name") + "-" + strconv.Itoa(n))
		require.NoError(t, err)
		s := registry.New(name)
		instances := []string{""}
		if rapid.Bool().Draw(t, "instances") {
			instances = []string{"a", rapid.StringMatching(`[A-Za-z0-9_:][A-Za-z0-9._:-]{0,30}`).Draw(t, "instance") + "-"}
		}
		for i, instance := range instances {
			if _, err := s.Register(drawRegistration(t, instance), drawStamp(t, "registered"+strconv.Itoa(i))); err != nil {
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

func TestKeysComeBackAsTheyWereSaved(t *testing.T) {
	t.Parallel()
	const pepper = "a pepper that is long enough to be one"
	onEachStore(t, func(t *rapid.T, store *bunstore.Store, n int) {
		token, err := access.NewToken(fmt.Sprintf("%08d", n), fixture.Long(access.SecretLength))
		require.NoError(t, err)
		created := drawStamp(t, "created").At
		attributes := access.KeyAttributes{
			Name: drawText().Draw(t, "name"), Role: rapid.SampledFrom([]access.Role{
				access.RoleReader, access.RoleAdmin, access.RoleService,
			}).Draw(t, "role"),
			Reveal: rapid.Bool().Draw(t, "reveal"), Created: created,
		}
		if rapid.Bool().Draw(t, "expires") {
			attributes.Expires = created.Add(time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "lifetime")))
		}
		key, err := access.NewAPIKey(token, secret.New(pepper), attributes)
		if err != nil {
			t.Skip("invalid key")
		}
		require.NoError(t, keystore.New(store).Create(t.Context(), key))
		found, err := keystore.New(store).Find(t.Context(), key.Attributes().ID)
		require.NoError(t, err)
		require.Equal(t, key.Attributes(), found.Attributes())
		require.Equal(t, key.Digest(), found.Digest())
	})
}
