package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Ports returns every port of the module by its path and name ("ports.Clock",
// "domain/configuration.Repository"): the exported interfaces of ports, and those
// of domain modules whose methods wait, that is, take a context.
func Ports(tree Tree) ([]string, error) {
	var list []string
	for _, p := range tree.Packages {
		if p.Path != "ports" && (!within(p.Path, "domain") || within(p.Path, kernel()...)) {
			continue
		}
		for _, name := range p.Files {
			found, err := interfaces(filepath.Join(p.Dir, name), p.Path == "ports")
			if err != nil {
				return nil, err
			}
			for _, f := range found {
				list = append(list, p.Path+"."+f)
			}
		}
	}
	slices.Sort(list)
	return list, nil
}

func interfaces(file string, every bool) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("read ports: %w", err)
	}
	var list []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if i, ok := spec.Type.(*ast.InterfaceType); ok && spec.Name.IsExported() && (every || waits(i)) {
			list = append(list, spec.Name.Name)
		}
		return true
	})
	return list, nil
}

// waits reports whether a method of the interface takes a context, or it is one of the
// generic ports of domain/versioned.
func waits(i *ast.InterfaceType) bool {
	found := false
	ast.Inspect(i, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			pkg, _ := s.X.(*ast.Ident)
			found = found || s.Sel.Name == "Context" || pkg != nil && pkg.Name == "versioned"
		}
		return !found
	})
	return found
}

// CheckPorts returns the ports that are not in the catalogue of ports/doc.go, or
// that no suite of test/contract is for.
func CheckPorts(tree Tree, behaviours []string) ([]string, error) {
	all, err := Ports(tree)
	if err != nil {
		return nil, err
	}
	catalogue, err := os.ReadFile(filepath.Join(tree.Root, "ports", "doc.go"))
	if err != nil {
		return nil, fmt.Errorf("read the catalogue of ports: %w", err)
	}
	if len(all) == 0 {
		return []string{"every port has a contract suite: there is no port"}, nil
	}
	var breaches []string
	for _, port := range all {
		shown := strings.TrimPrefix(port, "ports.")
		if shown != port {
			shown = "[" + shown + "]"
		}
		if !strings.Contains(string(catalogue), "- "+shown+":") {
			breaches = append(breaches, "every port stands in ports/doc.go: "+port+" does not")
		}
		if !slices.ContainsFunc(behaviours, func(b string) bool { return slices.Contains(held(b), path.Base(port)) }) {
			breaches = append(breaches, "every port has a contract suite: "+port+" has none in test/contract")
		}
	}
	return breaches, nil
}

// held returns the ports whose suite a behaviour belongs to: configuration.Repository
// and configuration.History for "configuration.Repository and History: ...".
func held(behaviour string) []string {
	suite, _, _ := strings.Cut(behaviour, ": ")
	module, names, _ := strings.Cut(suite, ".")
	list := strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
	for i, name := range list {
		list[i] = module + "." + name
	}
	return list
}

// CheckMigrations returns the files that only one dialect has.
func CheckMigrations(root string) ([]string, error) {
	names := map[string][]string{}
	for _, dialect := range []string{"postgres", "sqlite"} {
		entries, err := os.ReadDir(filepath.Join(root, "migrations", dialect))
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		for _, e := range entries {
			names[dialect] = append(names[dialect], e.Name())
		}
	}
	if len(names["postgres"]) == 0 || !slices.Equal(names["postgres"], names["sqlite"]) {
		return []string{fmt.Sprintf("both migration folders hold the same names: postgres has %v, sqlite has %v",
			names["postgres"], names["sqlite"])}, nil
	}
	return nil, nil
}
