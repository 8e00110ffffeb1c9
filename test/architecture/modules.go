package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/ports"
)

// CheckModules returns what is missing of modules: a descriptor for each domain package
// with an aggregate type, and, for each descriptor, event types, schema, topic, actions,
// an Example and a contract suite. Each breach says what to do.
func CheckModules(tree Tree, modules ports.Modules, behaviours []string) ([]string, error) {
	packages, err := aggregatePackages(tree)
	if err != nil {
		return nil, err
	}
	var breaches []string
	for _, aggregateType := range sortedKeys(packages) {
		if _, described := modules.Of(aggregateType); !described && within(packages[aggregateType].Path, "domain") {
			breaches = append(breaches, fmt.Sprintf("every module has a descriptor: %s has none; "+
				"write application/<module>app/module.go and add the module to bootstrap/module.go",
				packages[aggregateType].Path))
		}
	}
	for _, m := range modules {
		domain, found := packages[m.AggregateType]
		if !found {
			breaches = append(breaches, fmt.Sprintf("every module has an aggregate: no package declares "+
				"const AggregateType = %q", m.AggregateType))
			continue
		}
		about, err := checkModule(domain, m, behaviours)
		if err != nil {
			return nil, err
		}
		breaches = append(breaches, about...)
		breaches = append(breaches, checkUnique(m, modules)...)
	}
	return breaches, nil
}

// CheckModuleDocs returns the modules whose schema or topic is not documented.
func CheckModuleDocs(root string, modules ports.Modules) ([]string, error) {
	var breaches []string
	page, err := os.ReadFile(filepath.Join(root, "docs", "events.md"))
	if err != nil {
		return nil, fmt.Errorf("read the documentation of events: %w", err)
	}
	for _, m := range modules {
		want, err := relay.Schema(m)
		if err != nil {
			return nil, err
		}
		file := m.Schema.Name + ".schema.json"
		if stored, err := os.ReadFile(filepath.Join(root, "docs", "events", file)); err != nil || string(stored) != string(want) {
			breaches = append(breaches, fmt.Sprintf("every module's schema is in docs/events: %s is not that of %s; "+
				"run 'make golden'", file, m.AggregateType))
		}
		for _, text := range []string{"`" + m.Topic.Default + "`", "events/" + file} {
			if !strings.Contains(string(page), text) {
				breaches = append(breaches, fmt.Sprintf("every topic is in docs/events.md: %s of %s is not; "+
					"add the module to its table", text, m.AggregateType))
			}
		}
	}
	return breaches, nil
}

// CheckActions returns where the actions of domain/access and those of the modules
// differ. Others are actions of no module.
func CheckActions(modules ports.Modules, actions []string, others ...string) []string {
	var breaches []string
	listed := slices.Clone(others)
	for _, m := range modules {
		for _, a := range m.Actions {
			listed = append(listed, a.Name)
			if !slices.Contains(actions, a.Name) {
				breaches = append(breaches, fmt.Sprintf("the actions of modules are in domain/access: %s of %s is not; "+
					"add it to Actions", a.Name, m.AggregateType))
			}
		}
	}
	for _, a := range actions {
		if !slices.Contains(listed, a) {
			breaches = append(breaches, fmt.Sprintf("each action belongs to a module: %s belongs to none; "+
				"add it to the Actions of a descriptor", a))
		}
	}
	return breaches
}

// checkModule checks one descriptor against the package of its aggregate.
func checkModule(domain Package, m ports.Module, behaviours []string) ([]string, error) {
	constants, err := stringConstants(domain)
	if err != nil {
		return nil, err
	}
	breaches := checkEvents(domain, m, constants)
	missing := func(what, remedy string) {
		breaches = append(breaches, fmt.Sprintf("every module has %s: %s has none; %s", what, m.AggregateType, remedy))
	}
	if m.ResourceType == "" {
		missing("a resource type", "set ResourceType in its descriptor")
	}
	if m.Identify == nil {
		missing("a decoder", "set Identify in its descriptor")
	}
	if m.Schema.Name == "" || m.Schema.Title == "" || m.Schema.ResourceID.Type == "" || len(m.Schema.Data) == 0 {
		missing("a schema", "set Schema in its descriptor, with Name, Title, ResourceID and Data")
	}
	if !strings.HasPrefix(m.Topic.Name, "KAFKA_TOPIC_") || m.Topic.Default == "" || m.Topic.Doc == "" {
		missing("a topic", "set Topic in its descriptor, with a Name that begins with KAFKA_TOPIC_")
	}
	if !slices.ContainsFunc(m.Actions, func(a ports.ModuleAction) bool { return a.Name == m.ReadAction && a.Reader }) {
		missing("an action to read it", "list it in Actions with Reader set, and name it in ReadAction")
	}
	example, err := hasExample(domain)
	if err != nil {
		return nil, err
	}
	if !example {
		missing("an Example", "write one in "+domain.Path+"/example_test.go that uses no adapter")
	}
	suite := path.Base(domain.Path) + "."
	if !slices.ContainsFunc(behaviours, func(b string) bool { return strings.HasPrefix(b, suite) }) {
		missing("a contract suite", "write one for "+suite+"Repository and add it to Behaviours in test/contract/suite.go")
	}
	return breaches, nil
}

// checkEvents compares the catalogue of a descriptor with the event types that the
// package of the aggregate declares.
func checkEvents(domain Package, m ports.Module, constants map[string]string) []string {
	eventType := regexp.MustCompile(`^[a-z_]+\.[a-z_]+$`)
	var breaches []string
	declared := map[string]bool{}
	for _, name := range sortedKeys(constants) {
		value := constants[name]
		if !eventType.MatchString(value) {
			continue
		}
		declared[value] = true
		if !slices.ContainsFunc(m.Events, func(e ports.EventType) bool { return e.Name == value }) {
			breaches = append(breaches, fmt.Sprintf("every event type is in its module's catalogue: %s of %s is not; "+
				"add it to Events in the descriptor", value, domain.Path))
		}
	}
	if len(m.Events) == 0 {
		breaches = append(breaches, fmt.Sprintf("every module has event types: %s has none; "+
			"declare them as constants in %s and list them in Events", m.AggregateType, domain.Path))
	}
	for _, e := range m.Events {
		if !declared[e.Name] {
			breaches = append(breaches, fmt.Sprintf("every event type is a constant of the domain: %s is not in %s",
				e.Name, domain.Path))
		}
	}
	return breaches
}

// checkUnique returns what a module has in common with another one.
func checkUnique(m ports.Module, modules ports.Modules) []string {
	var breaches []string
	for _, other := range modules {
		if other.AggregateType <= m.AggregateType {
			continue
		}
		for what, same := range map[string]bool{
			"resource type": m.ResourceType == other.ResourceType, "schema": m.Schema.Name == other.Schema.Name,
			"topic": m.Topic.Default == other.Topic.Default || m.Topic.Name == other.Topic.Name,
		} {
			if same {
				breaches = append(breaches, fmt.Sprintf("every module has a %s of its own: %s and %s share one",
					what, m.AggregateType, other.AggregateType))
			}
		}
	}
	return breaches
}

// aggregatePackages returns the packages that declare const AggregateType, by its value.
func aggregatePackages(tree Tree) (map[string]Package, error) {
	packages := map[string]Package{}
	for _, p := range tree.Packages {
		if !within(p.Path, "domain", "test/examplemodule") {
			continue
		}
		constants, err := stringConstants(p)
		if err != nil {
			return nil, err
		}
		if t := constants["AggregateType"]; t != "" {
			packages[t] = p
		}
	}
	return packages, nil
}

// stringConstants returns the string constants of a package without its tests, by name.
func stringConstants(p Package) (map[string]string, error) {
	constants := map[string]string{}
	err := eachFile(p, false, func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, isSpec := n.(*ast.ValueSpec)
			if !isSpec {
				return true
			}
			for i, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					if err == nil {
						constants[spec.Names[i].Name] = text
					}
				}
			}
			return true
		})
	})
	return constants, err
}

// hasExample reports whether the tests of a package have a function Example.
func hasExample(p Package) (found bool, err error) {
	err = eachFile(p, true, func(f *ast.File) {
		for _, d := range f.Decls {
			if function, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(function.Name.Name, "Example") {
				found = true
			}
		}
	})
	return found, err
}

// eachFile parses the files of a package: its tests, or the others.
func eachFile(p Package, tests bool, look func(*ast.File)) error {
	for _, name := range p.Files {
		if strings.HasSuffix(name, "_test.go") != tests {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
		if err != nil {
			return fmt.Errorf("read a module: %w", err)
		}
		look(parsed)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
