package architecture_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/test/architecture"
)

var update = flag.Bool("update", false, "rewrite docs/errors.md")

// code is one error code as the source declares it.
type code struct{ code, kind, message string }

// TestErrorCodes holds docs/errors.md to the codes in the source: they are part
// of the interface, and none changes or goes unnoticed.
func TestErrorCodes(t *testing.T) {
	t.Parallel()
	tree, err := architecture.Load(root(t))
	require.NoError(t, err)
	var codes []code
	for _, p := range tree.Packages {
		for _, name := range p.Files {
			if !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(p.Path, "test") {
				codes = append(codes, codesIn(t, filepath.Join(p.Dir, name))...)
			}
		}
	}
	slices.SortFunc(codes, func(a, b code) int { return strings.Compare(a.code, b.code) })
	for i := 1; i < len(codes); i++ {
		assert.NotEqual(t, codes[i-1].code, codes[i].code, "a code stands for one failure")
	}
	golden := filepath.Join(tree.Root, "docs", "errors.md")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(document(codes)), 0o600))
	}
	stored, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, document(codes), string(stored), "run 'make golden' and look at what changed")
}

// codesIn finds the calls of fault.New in a file.
func codesIn(t *testing.T, file string) []code {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	var codes []code
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 3 {
			return true
		}
		kind := kindOf(call)
		if kind == "" {
			return true
		}
		codes = append(codes, code{kind: kind, code: text(t, call.Args[1]), message: text(t, call.Args[2])})
		return true
	})
	return codes
}

// kindOf returns the name of the kind in fault.New(fault.Kind, …), or "".
func kindOf(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		kind, isSelector := call.Args[0].(*ast.SelectorExpr)
		if ok && isSelector && x.Name == "fault" && f.Sel.Name == "New" {
			return kind.Sel.Name
		}
	case *ast.Ident:
		kind, ok := call.Args[0].(*ast.Ident)
		if ok && f.Name == "New" && slices.Contains(kindNames(), kind.Name) {
			return kind.Name
		}
	}
	return ""
}

func kindNames() []string {
	var list []string
	for _, k := range fault.Kinds() {
		list = append(list, identifier(k))
	}
	return list
}

// identifier returns a kind's name in Go.
func identifier(k fault.Kind) string {
	words := strings.Fields(k.String())
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "")
}

func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	if sum, ok := e.(*ast.BinaryExpr); ok {
		return text(t, sum.X) + text(t, sum.Y)
	}
	literal, ok := e.(*ast.BasicLit)
	require.True(t, ok, "codes and messages are literals")
	value, err := strconv.Unquote(literal.Value)
	require.NoError(t, err)
	return value
}

func document(codes []code) string {
	status := map[string]int{}
	for _, k := range fault.Kinds() {
		status[identifier(k)] = rest.Status(k)
	}
	var b strings.Builder
	b.WriteString("# Error codes\n\nMade from the code by `make golden`. Every answer of 400 and above is a problem (RFC 9457,\n" +
		"`application/problem+json`) whose `code` is one of these, under `/ofrep` in the form of OFREP.\n" +
		"Codes are stable; messages may change.\n\n" +
		"| code | status | meaning |\n|---|---|---|\n")
	for _, c := range codes {
		if c.code == "taken" {
			continue // stands in for a module's own code until it is translated; never sent
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s |\n", c.code, status[c.kind], c.message)
	}
	b.WriteString(answersOfTheServer)
	return b.String()
}

// answersOfTheServer are documented here because most are no problems; TestAnswersOfTheServer
// in adapters/ginapi observes them.
const answersOfTheServer = `
## Answers of the HTTP server itself

A request that is no HTTP, or breaks its rules, is answered by Go's server before Signalbox sees it:
in plain text, without a code, and the connection is closed. Without TLS a 400 is a problem with the
code ` + "`malformed_request`" + `.

| status | request |
|---|---|
| 400 | a malformed request line, path (such as a broken percent-escape) or header; no or several Host; several lengths |
| 417 | an Expect other than 100-continue (without a body) |
| 431 | headers of more than 20 KiB |
| 501 | a transfer coding other than chunked |
| 505 | a version of HTTP other than 1.0 and 1.1 |

A connection whose request header is not complete within five seconds is closed without an answer.
`
