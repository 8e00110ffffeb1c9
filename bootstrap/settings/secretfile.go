package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"strings"
)

// fileSuffix ends the name of a variable with the path of a file that has a secret setting,
// as Docker and Kubernetes provide secrets.
const fileSuffix = "_FILE"

// maxSecretBytes bounds such a file.
const maxSecretBytes = 64 << 10

// secretNames are the names of the secret settings.
func secretNames() (list []string) {
	for _, f := range Fields(nil) {
		if f.Secret {
			list = append(list, f.Name)
		}
	}
	return list
}

// merge returns the values of an environment and, where it has none, those of a .env file. A
// secret and the path of its file are two forms of one setting.
func merge(file, environment map[string]string) map[string]string {
	values := map[string]string{}
	maps.Copy(values, file)
	for _, name := range secretNames() {
		if environment[name] != "" {
			delete(values, name+fileSuffix)
		}
		if environment[name+fileSuffix] != "" {
			delete(values, name)
		}
	}
	maps.Copy(values, environment)
	return values
}

// readSecrets reads the secret settings whose files are named into values.
func readSecrets(values map[string]string) (problems []string) {
	for _, name := range secretNames() {
		path := values[name+fileSuffix]
		switch {
		case path == "":
		case values[name] != "":
			problems = append(problems, fmt.Sprintf("%s and %s%s: set one of them", name, name, fileSuffix))
		default:
			text, err := readSecret(path)
			if err != nil {
				problems = append(problems, name+fileSuffix+": "+err.Error())
			}
			values[name] = text
		}
	}
	return problems
}

// readSecret returns the content of a file without the newline at its end. Errors do not
// contain the path, which may be a secret that was given to the wrong name.
func readSecret(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return "", unreadable(err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxSecretBytes+1))
	if err != nil {
		return "", unreadable(err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	switch {
	case len(content) > maxSecretBytes:
		return "", errors.New("the file is longer than 64 KiB")
	case text == "":
		return "", errors.New("the file is empty")
	}
	return text, nil
}

func unreadable(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	return fmt.Errorf("the file cannot be read: %w", err)
}
