package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Budgets of source that is not a test's.
const (
	MaxFileLines     = 400
	MaxFunctionLines = 60
	MaxMethods       = 7
)

// importsOf returns what a file imports.
func importsOf(file string) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("read imports: %w", err)
	}
	paths := make([]string, len(parsed.Imports))
	for i, spec := range parsed.Imports {
		if paths[i], err = strconv.Unquote(spec.Path.Value); err != nil {
			return nil, fmt.Errorf("read imports of %s: %w", file, err)
		}
	}
	return paths, nil
}

// CheckSource returns the breaches inside files: init functions, package
// variables that can change, folders without doc.go, and what is too long.
func CheckSource(tree Tree) ([]string, error) {
	var breaches []string
	for _, p := range tree.Packages {
		if !slices.Contains(p.Files, "doc.go") {
			breaches = append(breaches, "every folder has a doc.go: "+p.Path+" has none")
		}
		for _, name := range p.Files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			found, err := checkFile(filepath.Join(p.Dir, name), filepath.Join(p.Path, name))
			if err != nil {
				return nil, err
			}
			breaches = append(breaches, found...)
		}
	}
	return breaches, nil
}

func checkFile(file, shown string) ([]string, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("read source: %w", err)
	}
	var breaches []string
	line := func(p token.Pos) int { return set.Position(p).Line }
	if n := line(parsed.FileEnd); n > MaxFileLines {
		breaches = append(breaches, fmt.Sprintf("a file has at most %d lines: %s has %d", MaxFileLines, shown, n))
	}
	for _, d := range parsed.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == "init" && d.Recv == nil {
				breaches = append(breaches, "nothing happens before main: "+shown+" has an init")
			}
			if n := line(d.End()) - line(d.Pos()) + 1; n > MaxFunctionLines {
				breaches = append(breaches,
					fmt.Sprintf("a function has at most %d lines: %s in %s has %d", MaxFunctionLines, d.Name.Name, shown, n))
			}
		case *ast.GenDecl:
			breaches = append(breaches, checkDeclaration(d, shown)...)
		}
	}
	return breaches, nil
}

func checkDeclaration(d *ast.GenDecl, shown string) []string {
	var breaches []string
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.ValueSpec:
			if d.Tok == token.VAR && !allowedVariable(d, s) {
				breaches = append(breaches, "no package variable can change: "+shown+" has "+s.Names[0].Name)
			}
		case *ast.TypeSpec:
			if i, ok := s.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > MaxMethods {
				breaches = append(breaches, fmt.Sprintf("an interface has at most %d methods: %s in %s has %d",
					MaxMethods, s.Name.Name, shown, i.Methods.NumFields()))
			}
		}
	}
	return breaches
}

// allowedVariable reports whether a variable is a sentinel, an embedded file, a
// check of the compiler's, the version that the linker writes, or a value that is
// made once behind a function.
func allowedVariable(d *ast.GenDecl, s *ast.ValueSpec) bool {
	name := s.Names[0].Name
	if name == "_" || strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err") || name == "version" {
		return true
	}
	if d.Doc != nil && strings.Contains(d.Doc.List[len(d.Doc.List)-1].Text, "go:embed") {
		return true
	}
	if len(s.Values) == 1 {
		if call, ok := s.Values[0].(*ast.CallExpr); ok {
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "OnceValue" {
				return true
			}
		}
	}
	return false
}
