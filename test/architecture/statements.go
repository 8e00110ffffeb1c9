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

// CheckStatements returns the places where a result set may be read only in part:
// PostgreSQL sends rows before it commits, so that only the end of the result set reports
// a failed commit. Outside FinalFile no adapter runs raw SQL that returns rows, uses
// RETURNING, or scans what an INSERT, UPDATE or DELETE returns. In the package of
// FinalFile, and beneath it, only a chain that has NewSelect in it is scanned, and Exec has no
// destination: bun adds RETURNING to an INSERT by itself.
func CheckStatements(tree Tree) ([]string, error) {
	var breaches []string
	err := eachCall(tree, "adapters", func(shown string, call *ast.CallExpr) {
		what := readInPart(call)
		if what == "" && within(shown, filepath.Dir(FinalFile)) {
			what = unchained(call)
		}
		if what != "" {
			breaches = append(breaches, fmt.Sprintf(
				"what a statement returns is read to its end, by %s alone: %s calls %s", FinalFile, shown, what))
		}
	})
	return breaches, err
}

// CheckBounds returns the SELECTs of the store that may read an unbounded number of
// rows: in the package of FinalFile and beneath it, a chain from NewSelect that is
// scanned has a Limit. FinalFile's functions, which run the other SELECTs, take one.
func CheckBounds(tree Tree) ([]string, error) {
	var breaches []string
	err := eachCall(tree, filepath.Dir(FinalFile), func(shown string, call *ast.CallExpr) {
		method, chain := methodOf(call), chainOf(call)
		if slices.Contains([]string{"Scan", "ScanAndCount", "Rows"}, method) &&
			slices.Contains(chain, "NewSelect") && !slices.Contains(chain, "Limit") {
			breaches = append(breaches, fmt.Sprintf(
				"a query reads a bounded number of rows: %s calls %s without Limit", shown, method))
		}
	})
	return breaches, err
}

// eachCall calls visit for every call in the production files under a folder, without
// FinalFile.
func eachCall(tree Tree, folder string, visit func(shown string, call *ast.CallExpr)) error {
	for _, p := range tree.Packages {
		for _, name := range p.Files {
			shown := filepath.Join(p.Path, name)
			if !within(p.Path, folder) || shown == FinalFile || strings.HasSuffix(name, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				return fmt.Errorf("read statements: %w", err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					visit(shown, call)
				}
				return true
			})
		}
	}
	return nil
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
