package configuration_test

import (
	"encoding/hex"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func owner(t *testing.T, environment, service, key string, version configuration.Version) configuration.Owner {
	t.Helper()
	identity, err := configuration.Locator{Environment: environment, Service: service, Key: key}.Parse()
	require.NoError(t, err)
	return configuration.Owner{Identity: identity, Version: version}
}

func TestBindingIsTheDocumentedEncoding(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "00000004"+hex.EncodeToString([]byte("prod"))+"00000004"+hex.EncodeToString([]byte("shop"))+
		"00000002"+hex.EncodeToString([]byte("db"))+"0000000000000003"+"00000002"+hex.EncodeToString([]byte("tk")),
		hex.EncodeToString(owner(t, "prod", "shop", "db", 3).Binding("tk")))
}

func TestNoTwoOwnersHaveTheSameBinding(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, environment := range []string{"a", "ab", "abc"} {
		for _, service := range []string{"c", "bc", "cc"} {
			for _, key := range []string{"d", "cd", "dd"} {
				for _, version := range []configuration.Version{1, 2, 256} {
					for _, token := range []string{"", "t", "dt"} {
						binding := string(owner(t, environment, service, key, version).Binding(token))
						name := environment + "/" + service + "/" + key + "/" + token
						require.NotContains(t, seen, binding, "%s version %d is %s", name, version, seen[binding])
						seen[binding] = name
					}
				}
			}
		}
	}
}

// naming binds a token by naming its owner.
func naming(c configuration.Content, owner configuration.Owner) configuration.Content {
	if !c.Encrypted() {
		return c
	}
	return c.Bound(configuration.Seal{Key: "k", MAC: strconv.FormatInt(int64(owner.Version), 10)}, owner.Version)
}

func TestBindWith(t *testing.T) {
	t.Parallel()
	c := stored(t, fixture.Holding(configuration.SealedUnder("k", "one")))
	_, err := c.Update(configuration.Draft{Content: configuration.SealedUnder("k", "two")}, fixture.Stamp())
	require.NoError(t, err)
	c.BindWith(naming)
	u := c.Unsaved()
	require.Len(t, u.Entries, 1)
	assert.Equal(t, []string{"1", "2", "2"}, []string{
		u.Entries[0].Old.Seal().MAC, u.Entries[0].New.Seal().MAC, u.State.Content.Seal().MAC,
	})
	assert.NotNil(t, u.Binder, "the store binds what it seals")

	require.NoError(t, c.Delete(fixture.Stamp()))
	c.BindWith(naming)
	last := c.Unsaved().Entries[1]
	assert.Equal(t, "2", last.Old.Seal().MAC)
	assert.True(t, last.New.IsZero())
	assert.Equal(t, "3", c.State().Content.Seal().MAC, "the value that a deleted one keeps")
}

func TestWhatBindsAValueIsNoDifference(t *testing.T) {
	t.Parallel()
	c := stored(t, fixture.Holding(configuration.Sealed("token")))
	bound := configuration.RehydrateSealed("token", configuration.Seal{Key: "k", MAC: "m"}, 7)
	changed, err := c.Update(configuration.Draft{Content: bound, Description: c.State().Description}, fixture.Stamp())
	require.NoError(t, err)
	assert.False(t, changed)
}

func TestASealWithoutAMACIsNone(t *testing.T) {
	t.Parallel()
	assert.Equal(t, configuration.Sealed("token"),
		configuration.RehydrateSealed("token", configuration.Seal{Key: "k"}, 7))
	assert.True(t, configuration.SealedUnder("k", "token").New())
	assert.False(t, configuration.Sealed("token").New())
}

func TestCurrentKey(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		ring   []string
		others [][]string
		want   string
	}{
		{"alone it is the first", []string{"n", "o"}, nil, "n"},
		{"all have the first", []string{"n", "o"}, [][]string{{"o", "n"}, {"n"}}, "n"},
		{"one lacks the first", []string{"n", "o"}, [][]string{{"n", "o"}, {"o"}}, "o"},
		{"the newest that all have", []string{"3", "2", "1"}, [][]string{{"2", "1"}, {"1", "2", "3"}}, "2"},
		{"a ring without keys is left out", []string{"n", "o"}, [][]string{nil, {}}, "n"},
		{"nothing in common", []string{"n", "o"}, [][]string{{"x"}}, "n"},
		{"no keys", nil, [][]string{{"x"}}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, configuration.CurrentKey(c.ring, c.others))
		})
	}
}
