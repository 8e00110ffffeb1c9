package settings

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/signalbox-hq/signalbox/ports"
)

// typoDistance is the largest edit distance (Levenshtein) of a typing error.
const typoDistance = 2

// names are the names of the settings.
type names []string

func newNames(topics []ports.TopicSetting) names {
	var n names
	for _, f := range Fields(topics) {
		n = append(n, f.Name)
		if f.Secret {
			n = append(n, f.Name+fileSuffix)
		}
	}
	return n
}

// inFile returns the unknown names of a file: those that are probably typing errors as
// problems, the others as one warning.
func (n names) inFile(path string, file dotenv) (problems, warnings []string) {
	var others []string
	for _, name := range slices.Sorted(maps.Keys(file.values)) {
		switch meant, isTypo := n.typo(name); {
		case slices.Contains(n, name):
		case isTypo:
			problems = append(problems,
				fmt.Sprintf("%s line %d: unknown setting %s; did you mean %s?", path, file.lines[name], name, meant))
		case harmless(name):
			others = append(others, name)
		default:
			others = append(others, fmt.Sprintf("the one in line %d", file.lines[name]))
		}
	}
	if len(others) > 0 {
		warnings = []string{path + " has names that are no settings, and are ignored: " + strings.Join(others, ", ")}
	}
	return problems, warnings
}

// harmless reports whether a name looks like a variable's, and not like a part of a secret
// that has got onto a line of its own.
func harmless(name string) bool {
	return len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// inEnvironment warns of variables that are probably meant for Signalbox.
func (n names) inEnvironment(values map[string]string) (warnings []string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		meant, isTypo := n.typo(name)
		if !slices.Contains(n, name) && (isTypo || prefixed(name)) {
			warnings = append(warnings, "unknown setting "+name+" ignored; did you mean "+meant+"?")
		}
	}
	return warnings
}

// prefixed reports whether a name begins as settings do.
func prefixed(name string) bool {
	for _, prefix := range []string{"SIGNALBOX_", "KAFKA_", "REDIS_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// typo returns the nearest setting of an unknown name, and whether the name is probably a
// typing error of it. The case of letters does not count as a difference.
func (n names) typo(name string) (nearest string, isTypo bool) {
	closest := math.MaxInt
	for _, candidate := range n {
		if d := levenshtein.ComputeDistance(strings.ToUpper(name), candidate); d < closest {
			nearest, closest = candidate, d
		}
	}
	return nearest, closest <= typoDistance && !foreign(name)
}

// foreign reports whether a name is near to a setting's and yet another program's.
func foreign(name string) bool {
	return name == "SERVICE_HOST" // of many programs, and of Kubernetes
}
