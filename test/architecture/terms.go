package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Term is a retired expression and the standard one for it (docs/glossary.md).
type Term struct {
	Retired  *regexp.Regexp
	Standard string
}

// Terms returns the retired terms of prose: comments, messages and documents.
func Terms() []Term {
	return terms([][2]string{
		{`who|whoever|whom`, "name the client, caller, request, replica or operator"},
		{`ask|asks|asked|asking`, "query, request, call, load"},
		{`told`, "notified, sent, delivered, stated"},
		{`let go of|lets go of`, "evict, discard, release"},
		{`under way`, "in-flight"},
		{`bell|bells`, "signal"},
		{`shelf|shelves`, "cached service"},
		{`house|room|rooms`, "repository, server, space"},
		{`doorman`, "authenticator"},
		{`crowd|crowds`, "concurrent callers"},
		{`believe|believes|believed`, "accept, accepted"},
		{`doubt|doubts|doubted|in doubt`, "unknown outcome"},
		{`hurried|unhurried`, "with a deadline, without a deadline"},
		{`turned away|turns away|turn away`, "rejected"},
		{`stranger|strangers`, "unknown client, unknown type"},
		{`is no member of`, "unknown field"},
		{`must be a text`, "must be a string"},
	})
}

// terms compiles pairs of alternatives and standard terms; a retired one is a whole word.
func terms(pairs [][2]string) []Term {
	list := make([]Term, len(pairs))
	for i, p := range pairs {
		list[i] = Term{Retired: regexp.MustCompile(`(?i)\b(?:` + p[0] + `)\b`), Standard: p[1]}
	}
	return list
}

// retiredNames are words that no declared name contains.
func retiredNames() map[string]string {
	return map[string]string{
		"told": "notified, sent", "bell": "signal", "shelf": "cachedService", "house": "tree, server",
		"doorman": "authenticator", "crowd": "callers", "believe": "accept", "believed": "accepted",
		"doubt": "unknownOutcome", "doubted": "unknownOutcome", "unhurried": "withoutDeadline", "stranger": "unknown",
		"whoever": "caller", "asks": "queries", "asked": "queried",
	}
}

// CheckTerms reports retired terms in the comments, messages and names of Go files, and
// in the documents.
func CheckTerms(tree Tree) ([]string, error) {
	var breaches []string
	err := filepath.WalkDir(tree.Root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "node_modules" || strings.HasPrefix(name, ".") && path != tree.Root {
				return filepath.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(tree.Root, path)
		if err != nil || relative == filepath.Join("test", "architecture", "terms.go") {
			return err
		}
		switch filepath.Ext(path) {
		case ".go":
			found, err := termsOfGo(path, relative)
			breaches = append(breaches, found...)
			return err
		case ".md":
			found, err := termsOfDocument(path, relative)
			breaches = append(breaches, found...)
			return err
		}
		return nil
	})
	return breaches, err
}

// termsOfDocument reports the retired terms of a document, outside code.
func termsOfDocument(path, name string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var breaches []string
	code := false
	for i, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if !code {
			breaches = append(breaches, retiredIn(inlineCode().ReplaceAllString(line, ""), fmt.Sprintf("%s:%d", name, i+1))...)
		}
	}
	return breaches, nil
}

func inlineCode() *regexp.Regexp { return regexp.MustCompile("`[^`]*`") }

// termsOfGo reports the retired terms of a Go file's comments, declared names and names of
// tests, and, outside tests, of its messages: strings that have a space.
func termsOfGo(path, name string) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	at := func(pos token.Pos) string { return fmt.Sprintf("%s:%d", name, files.Position(pos).Line) }
	var breaches []string
	for _, group := range file.Comments {
		for _, c := range group.List {
			breaches = append(breaches, retiredIn(c.Text, at(c.Pos()))...)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if n.Obj != nil && n.Obj.Pos() == n.Pos() {
				breaches = append(breaches, retiredName(n.Name, at(n.Pos()))...)
			}
		case *ast.FuncDecl:
			breaches = append(breaches, retiredName(n.Name.Name, at(n.Pos()))...)
		case *ast.CallExpr:
			breaches = append(breaches, retiredTestName(n, name, at(n.Pos()))...)
		case *ast.BasicLit:
			breaches = append(breaches, retiredMessage(n, name, at(n.Pos()))...)
		}
		return true
	})
	return breaches, nil
}

// retiredTestName reports the retired terms of the name in t.Run("name", …).
func retiredTestName(call *ast.CallExpr, file, at string) []string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != "Run" || len(call.Args) == 0 || !strings.HasSuffix(file, "_test.go") {
		return nil
	}
	if literal, ok := call.Args[0].(*ast.BasicLit); ok {
		return retiredIn(literal.Value, at)
	}
	return nil
}

func retiredMessage(literal *ast.BasicLit, file, at string) []string {
	if literal.Kind != token.STRING || strings.HasSuffix(file, "_test.go") {
		return nil
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil || !strings.Contains(text, " ") {
		return nil
	}
	return retiredIn(text, at)
}

func retiredIn(text, at string) []string {
	var breaches []string
	for _, t := range Terms() {
		if found := t.Retired.FindString(text); found != "" {
			breaches = append(breaches, fmt.Sprintf("%s: %q is retired; write: %s", at, found, t.Standard))
		}
	}
	return breaches
}

// retiredName reports the retired words of a name in camel case.
func retiredName(name, at string) []string {
	var breaches []string
	retired := retiredNames()
	for _, word := range strings.FieldsFunc(separated(name), func(r rune) bool { return r == ' ' || r == '_' }) {
		if standard, found := retired[strings.ToLower(word)]; found {
			breaches = append(breaches, fmt.Sprintf("%s: %q in the name %s is retired; write: %s", at, word, name, standard))
		}
	}
	return breaches
}

// separated puts a space before each capital letter.
func separated(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
