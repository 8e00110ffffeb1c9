package settings

import (
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
// them. The warnings name what was set and has no effect.
func Load(environ []string, dotenv string) (Settings, []string, error) {
	values, err := godotenv.Read(dotenv)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil, fmt.Errorf("read %s: %w", dotenv, err)
	}
	if values == nil {
		values = map[string]string{}
	}
	maps.Copy(values, env.ToMap(environ))
	s, err := parse(values)
	if err != nil {
		return Settings{}, nil, err
	}
	return s, warnings(values), nil
}

func parse(values map[string]string) (Settings, error) {
	var s Settings
	err := env.ParseWithOptions(&s, env.Options{
		Environment: values,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[secret.Text](): func(v string) (any, error) { return secret.New(v), nil },
		},
	})
	if err == nil {
		return s, checkDefaultEnvironment(s, values)
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	invalid := &InvalidError{}
	for _, one := range all.Errors {
		var wrong env.ParseError
		if !errors.As(one, &wrong) {
			return Settings{}, fmt.Errorf("read settings: %w", one)
		}
		invalid.Problems = append(invalid.Problems, complaint(wrong.Name, values))
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
		return &InvalidError{Problems: []string{complaint("DefaultEnvironment", values)}}
	}
	return nil
}

// complaint says what is wrong with the setting in a field, hiding secrets.
func complaint(field string, values map[string]string) string {
	f := describeField(field)
	shown := fmt.Sprintf("%q", values[f.Name])
	if f.Secret || strings.Contains(shown, "@") {
		shown = secret.Redacted
	}
	return f.Name + "=" + shown + ": use " + f.Allowed
}

// warnings names settings without effect: misspelt ones.
func warnings(values map[string]string) []string {
	known := Fields()
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
