package settings

import (
	"cmp"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

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
// the environment overrides and which may be missing. A secret setting may be in a file that
// NAME_FILE names. Invalid settings and lines are an
// InvalidError that names all of them, without values that may be secret. Names in the file
// that are probably typing errors of a setting's are invalid, those in the environment are
// warnings; the other unknown names of the file are one warning. Topics are the settings of
// the modules' topics.
func Load(environ []string, path string, topics []ports.TopicSetting) (Settings, []string, error) {
	file, err := readDotenv(path)
	if err != nil {
		return Settings{}, nil, err
	}
	outside := env.ToMap(environ)
	values := merge(file.values, outside)
	unread := readSecrets(values)
	s, problems := parse(values, topics)
	names := newNames(topics)
	typos, warnings := names.inFile(path, file)
	if problems = slices.Concat(file.problems, typos, unread, problems); len(problems) > 0 {
		return Settings{}, nil, &InvalidError{Problems: problems}
	}
	return s, slices.Concat(s.Database.Warnings, warnings, names.inEnvironment(outside)), nil
}

// parse returns the settings and the problems of the invalid ones, in the order of their names.
func parse(values map[string]string, topics []ports.TopicSetting) (Settings, []string) {
	var s Settings
	err := env.ParseWithOptions(&s, env.Options{
		Environment: values,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[secret.Text](): func(v string) (any, error) { return secret.New(v), nil },
		},
	})
	var problems []string
	s.KafkaTopics, problems = parseTopics(values, topics)
	for _, one := range failures(err) {
		var parsing env.ParseError
		if !errors.As(one, &parsing) {
			problems = append(problems, "settings cannot be read")
			continue
		}
		problems = append(problems, problem(describeField(parsing.Name), values, parsing.Err))
	}
	if len(problems) == 0 && !supportsDefault(s, values) {
		problems = append(problems, problem(describeField("DefaultEnvironment"), values, errNotAllowed))
	}
	if len(problems) == 0 {
		problems = slices.Concat(s.serverTLS(), s.redisTLS(), s.kafkaSecurity())
	}
	slices.Sort(problems)
	return s, problems
}

// failures returns the errors of single settings.
func failures(err error) []error {
	if all, many := errors.AsType[env.AggregateError](err); many {
		return all.Errors
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

// supportsDefault reports whether a default environment that was set is supported. If the
// setting's own default is not supported, OFREP requests must name an environment.
func supportsDefault(s Settings, values map[string]string) bool {
	if values["DEFAULT_ENVIRONMENT"] == "" {
		return true
	}
	_, err := s.Policy().Parse(s.DefaultEnvironment)
	return err == nil
}

// parseTopics returns the topics by the names of their settings, and the invalid settings.
func parseTopics(values map[string]string, topics []ports.TopicSetting) (parsed Topics, problems []string) {
	parsed = Topics{}
	for _, t := range topics {
		var topic Topic
		if err := topic.UnmarshalText([]byte(cmp.Or(values[t.Name], t.Default))); err != nil {
			problems = append(problems, problem(describeTopic(t), values, err))
		}
		parsed[t.Name] = topic
	}
	return parsed, problems
}

// problem returns an invalid setting and what it accepts. Its value is shown only where it is
// a number: others may be a secret that was given to the wrong name.
func problem(f Field, values map[string]string, err error) string {
	name, rule := f.Name, "use "+f.Allowed
	if f.Secret && values[name+fileSuffix] != "" {
		name += fileSuffix
	}
	if value := values[f.Name]; !f.Secret && regexp.MustCompile(`^-?[0-9]{1,10}[A-Za-z]{0,3}$`).MatchString(value) {
		name += "=" + value
	}
	if reason, given := errors.AsType[reasonError](err); given {
		rule = reason.Error()
	}
	return name + ": " + rule
}
