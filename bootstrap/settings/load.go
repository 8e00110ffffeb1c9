package settings

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"

	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// InvalidError names every invalid setting.
type InvalidError struct {
	// Problems have the settings with their allowed values, in the order of their names.
	Problems []string
}

// Error returns the problems, one per line.
func (e *InvalidError) Error() string {
	return "invalid settings:\n  " + strings.Join(e.Problems, "\n  ")
}

// Load reads the settings from an environment ("NAME=value") and from a .env file, which
// the environment overrides and which may be missing. Invalid settings are an
// InvalidError that names all of them. The warnings name unknown settings. Topics are the
// settings of the modules' topics.
func Load(environ []string, dotenv string, topics []ports.TopicSetting) (Settings, []string, error) {
	values, err := godotenv.Read(dotenv)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil, fmt.Errorf("read %s: %w", dotenv, err)
	}
	if values == nil {
		values = map[string]string{}
	}
	maps.Copy(values, env.ToMap(environ))
	s, err := parse(values, topics)
	if err != nil {
		return Settings{}, nil, err
	}
	return s, warnings(values, topics), nil
}

func parse(values map[string]string, topics []ports.TopicSetting) (Settings, error) {
	var s Settings
	err := env.ParseWithOptions(&s, env.Options{
		Environment: values,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[secret.Text](): func(v string) (any, error) { return secret.New(v), nil },
		},
	})
	invalid := &InvalidError{}
	s.KafkaTopics, invalid.Problems = parseTopics(values, topics)
	if err == nil && len(invalid.Problems) == 0 {
		return s, checkDefaultEnvironment(s, values)
	}
	var all env.AggregateError
	if err != nil && !errors.As(err, &all) {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	for _, one := range all.Errors {
		var parsing env.ParseError
		if !errors.As(one, &parsing) {
			return Settings{}, fmt.Errorf("read settings: %w", one)
		}
		invalid.Problems = append(invalid.Problems, problem(describeField(parsing.Name), values))
	}
	slices.Sort(invalid.Problems)
	return Settings{}, invalid
}

// checkDefaultEnvironment rejects a default environment that was set and is not supported.
// If the setting's own default is not supported, OFREP requests must name an environment.
func checkDefaultEnvironment(s Settings, values map[string]string) error {
	if values["DEFAULT_ENVIRONMENT"] == "" {
		return nil
	}
	if _, err := s.Policy().Parse(s.DefaultEnvironment); err != nil {
		return &InvalidError{Problems: []string{problem(describeField("DefaultEnvironment"), values)}}
	}
	return nil
}

// parseTopics returns the topics by the names of their settings, and the invalid settings.
func parseTopics(values map[string]string, topics []ports.TopicSetting) (parsed Topics, problems []string) {
	parsed = Topics{}
	for _, t := range topics {
		var topic Topic
		if err := topic.UnmarshalText([]byte(cmp.Or(values[t.Name], t.Default))); err != nil {
			problems = append(problems, problem(describeTopic(t), values))
		}
		parsed[t.Name] = topic
	}
	return parsed, problems
}

// problem returns an invalid setting and what it accepts, without secrets.
func problem(f Field, values map[string]string) string {
	shown := fmt.Sprintf("%q", values[f.Name])
	if f.Secret || strings.Contains(shown, "@") {
		shown = secret.Redacted
	}
	return f.Name + "=" + shown + ": use " + f.Allowed
}

// warnings names unknown settings.
func warnings(values map[string]string, topics []ports.TopicSetting) []string {
	known := Fields(topics)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if prefixed(name) && !slices.ContainsFunc(known, func(f Field) bool { return f.Name == name }) {
			list = append(list, "unknown setting "+name+" ignored; did you mean "+nearest(name, known)+"?")
		}
	}
	return list
}

// prefixed reports whether a name is likely meant for Signalbox.
func prefixed(name string) bool {
	for _, prefix := range []string{"SIGNALBOX_", "KAFKA_", "REDIS_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func nearest(name string, known []Field) string {
	closest := slices.MinFunc(known, func(a, b Field) int {
		return levenshtein.ComputeDistance(name, a.Name) - levenshtein.ComputeDistance(name, b.Name)
	})
	return closest.Name
}
