package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// FinalFile is the only file that may read what a writing statement returns. The rules
// of its package hold for the packages beneath it as well.
const FinalFile = "adapters/bunstore/final.go"

// CheckStatements returns where the answer of a statement may be read only in part:
// PostgreSQL sends rows before it commits, so that a failed commit is seen at the end
// of the answer alone. Outside FinalFile no adapter runs raw SQL that returns rows, asks
// for RETURNING, or scans what an INSERT, UPDATE or DELETE returns. In the package of
// FinalFile, and beneath it, only a chain that has NewSelect in it is scanned, and Exec has no
// destination: bun adds RETURNING to an INSERT by itself.
func CheckStatements(tree Tree) ([]string, error) {
	var breaches []string
	for _, p := range tree.Packages {
		for _, name := range p.Files {
			shown := filepath.Join(p.Path, name)
			if !within(p.Path, "adapters") || shown == FinalFile || strings.HasSuffix(name, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				return nil, fmt.Errorf("read statements: %w", err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				what := readInPart(call)
				if what == "" && within(p.Path, filepath.Dir(FinalFile)) {
					what = unchained(call)
				}
				if what != "" {
					breaches = append(breaches, fmt.Sprintf(
						"what a statement returns is read to its end, by %s alone: %s calls %s", FinalFile, shown, what))
				}
				return true
			})
		}
	}
	return breaches, nil
}

// readInPart returns the name of a call that may read a part of an answer, or "".
func readInPart(call *ast.CallExpr) string {
	method := methodOf(call)
	if slices.Contains([]string{"NewRaw", "Raw", "Returning", "QueryContext", "QueryRowContext", "QueryRow"}, method) {
		return method
	}
	if method != "Scan" && method != "ScanAndCount" {
		return ""
	}
	for _, m := range chainOf(call) {
		if slices.Contains([]string{"NewInsert", "NewUpdate", "NewDelete", "NewMerge"}, m) {
			return m + "…" + method
		}
	}
	return ""
}

// unchained returns the name of a call that may read what a writing statement returns,
// since its receiver is not seen to be a SELECT, or since it has a destination; or "".
func unchained(call *ast.CallExpr) string {
	method := methodOf(call)
	switch method {
	case "Scan", "ScanAndCount", "Rows":
		if !slices.Contains(chainOf(call), "NewSelect") {
			return method
		}
	case "Exec":
		if len(call.Args) > 1 {
			return method
		}
	case "Query": // that of a URL has no arguments
		if len(call.Args) > 0 {
			return method
		}
	}
	return ""
}

// chainOf returns the methods that are called in one chain before a call, the last
// one first.
func chainOf(call *ast.CallExpr) []string {
	var methods []string
	for inner := receiverOf(call); inner != nil; inner = receiverOf(inner) {
		methods = append(methods, methodOf(inner))
	}
	return methods
}

// methodOf returns the name of the method that is called, or "".
func methodOf(call *ast.CallExpr) string {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

// receiverOf returns the call whose result a method is called on, or nil.
func receiverOf(call *ast.CallExpr) *ast.CallExpr {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	inner, _ := s.X.(*ast.CallExpr)
	return inner
}
