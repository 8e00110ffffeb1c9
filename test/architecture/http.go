package architecture

import (
	"fmt"
	"go/ast"
	"slices"
)

const (
	httpRoot = "adapters/ginapi"
	// HTTPKernel is what the packages of the modules are written on.
	httpKernel = httpRoot + "/rest"
)

// httpHelpers are packages of the HTTP interface that register no operation, so that
// several modules may use them.
func httpHelpers() []string { return []string{httpKernel, httpRoot + "/evaluation"} }

// httpRules separate the kernel of the HTTP interface from the packages of the modules.
func httpRules() []Rule {
	return []Rule{
		{
			Name: "the kernel of the HTTP interface imports no module",
			Of:   []string{httpKernel},
			May: func(_ string, i Path) bool {
				return !i.Own || within(i.Name, append(kernel(), httpKernel, "domain/access", "ports",
					"application/changefeed", "application/freshness")...)
			},
		},
		{
			Name: "a module's package of the HTTP interface imports no other module's",
			Of:   []string{httpRoot}, Except: []string{httpKernel},
			May: func(of string, i Path) bool {
				return of == httpRoot || !i.Own || !within(i.Name, httpRoot) ||
					within(i.Name, append(httpHelpers(), of)...)
			},
		},
	}
}

// CheckRoutes returns the places outside the kernel of the HTTP interface that could add a
// route or an entry of the OpenAPI document without an Operation.
func CheckRoutes(tree Tree) ([]string, error) {
	makers := []string{
		"gin.New", "gin.Default", "huma.NewAPI", "huma.Register", "huma.AutoRegister", "huma.Get", "huma.Post", "huma.Put",
		"huma.Patch", "huma.Delete", "http.NewServeMux", "http.Handle", "http.HandleFunc",
	}
	var breaches []string
	err := eachCall(tree, httpRoot, func(shown string, call *ast.CallExpr) {
		if within(shown, httpKernel) {
			return
		}
		name := functionOf(call)
		if slices.Contains(makers, name) || methodOf(call) == "AddOperation" {
			breaches = append(breaches, fmt.Sprintf(
				"a route comes from an Operation of %s alone: %s calls %s", httpKernel, shown, name))
		}
	})
	return breaches, err
}

// functionOf returns the function that is called, as package.Name, also with type
// arguments.
func functionOf(call *ast.CallExpr) string {
	function := call.Fun
	switch generic := function.(type) {
	case *ast.IndexExpr:
		function = generic.X
	case *ast.IndexListExpr:
		function = generic.X
	}
	selector, ok := function.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if of, ok := selector.X.(*ast.Ident); ok {
		return of.Name + "." + selector.Sel.Name
	}
	return selector.Sel.Name
}
