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

// InvalidError names every setting that is wrong.
type InvalidError struct {
	// Problems are sentences, ordered by name.
	Problems []string
}

// Error returns all the sentences, one a line.
func (e *InvalidError) Error() string {
	return "these settings are wrong:\n  " + strings.Join(e.Problems, "\n  ")
}

// Load reads the settings from an environment ("NAME=value") and, beneath it, a
// .env file that may be missing. Wrong ones are an InvalidError that names all of
// them. The warnings name what was set and has no effect. Topics are the settings of
// the modules' topics.
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
	invalid := &InvalidError{Problems: parseTopics(&s, values, topics)}
	if err == nil && len(invalid.Problems) == 0 {
		return s, checkDefaultEnvironment(s, values)
	}
	var all env.AggregateError
	if err != nil && !errors.As(err, &all) {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	for _, one := range all.Errors {
		var wrong env.ParseError
		if !errors.As(one, &wrong) {
			return Settings{}, fmt.Errorf("read settings: %w", one)
		}
		invalid.Problems = append(invalid.Problems, complaint(describeField(wrong.Name), values))
	}
	slices.Sort(invalid.Problems)
	return Settings{}, invalid
}

// checkDefaultEnvironment refuses one that was set and is not supported. The
// default of the default may be missing: OFREP then needs an environment named.
func checkDefaultEnvironment(s Settings, values map[string]string) error {
	if values["DEFAULT_ENVIRONMENT"] == "" {
		return nil
	}
	if _, err := s.Policy().Parse(s.DefaultEnvironment); err != nil {
		return &InvalidError{Problems: []string{complaint(describeField("DefaultEnvironment"), values)}}
	}
	return nil
}

// parseTopics reads the settings of topics, and returns what is wrong with them.
func parseTopics(s *Settings, values map[string]string, topics []ports.TopicSetting) (problems []string) {
	s.KafkaTopics = Topics{}
	for _, t := range topics {
		var topic Topic
		if err := topic.UnmarshalText([]byte(cmp.Or(values[t.Name], t.Default))); err != nil {
			problems = append(problems, complaint(describeTopic(t), values))
		}
		s.KafkaTopics[t.Name] = topic
	}
	return problems
}

// complaint says what is wrong with a setting, hiding secrets.
func complaint(f Field, values map[string]string) string {
	shown := fmt.Sprintf("%q", values[f.Name])
	if f.Secret || strings.Contains(shown, "@") {
		shown = secret.Redacted
	}
	return f.Name + "=" + shown + ": use " + f.Allowed
}

// warnings names settings without effect: misspelt ones.
func warnings(values map[string]string, topics []ports.TopicSetting) []string {
	known := Fields(topics)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if ours(name) && !slices.ContainsFunc(known, func(f Field) bool { return f.Name == name }) {
			list = append(list, name+" is not a setting; did you mean "+nearest(name, known)+"?")
		}
	}
	return list
}

func ours(name string) bool {
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
