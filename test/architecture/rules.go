package architecture

import (
	"fmt"
	"slices"
	"strings"
)

// kernel is what every layer shares.
func kernel() []string {
	return []string{"domain/audit", "domain/event", "domain/fault", "domain/scope", "domain/secret", "domain/versioned"}
}

// genericStore are the packages of adapters/bunstore that know no module.
func genericStore() []string {
	return []string{
		"adapters/bunstore", "adapters/bunstore/column", "adapters/bunstore/dberror", "adapters/bunstore/feedstore",
		"adapters/bunstore/migrator", "adapters/bunstore/notification", "adapters/bunstore/pgconnect",
	}
}

// Rule says what the packages under some folders may import of this module and of
// others.
type Rule struct {
	Name string
	// Of are the folders that the rule is for, with all beneath them.
	Of []string
	// Except are folders beneath those that it is not for.
	Except []string
	// May decides about one import of a package; std is the standard library,
	// Own is an import of this module, without its path.
	May func(of string, i Path) bool
}

// Path is an import, sorted.
type Path struct {
	Std bool
	Own bool
	// Name is without the module's path for imports of this module.
	Name string
}

// ImportRules are the layers of the module.
func ImportRules() []Rule { return slices.Concat(layerRules(), storeRules(), httpRules()) }

func layerRules() []Rule {
	return []Rule{
		{
			Name: "the kernel imports the standard library and the kernel alone",
			Of:   kernel(),
			May:  func(_ string, i Path) bool { return i.Std || i.Own && within(i.Name, kernel()...) },
		},
		{
			Name: "a domain module imports the standard library and the kernel alone, and no other module",
			Of:   []string{"domain"}, Except: kernel(),
			May: func(of string, i Path) bool {
				return i.Std || i.Own && within(i.Name, append(kernel(), moduleOf(of))...)
			},
		},
		{
			Name: "ports import the standard library and the kernel alone",
			Of:   []string{"ports"},
			May:  func(_ string, i Path) bool { return i.Std || i.Own && within(i.Name, kernel()...) },
		},
		{
			Name: "the application imports the standard library, domain and ports, and no other application module",
			Of:   []string{"application"},
			May: func(of string, i Path) bool {
				return i.Std || i.Own && within(i.Name, "domain", "ports", "application/change", "application/freshness",
					"application/page", "application/readthrough", moduleOf(of))
			},
		},
		{
			Name: "the change feed and the relay know modules by ports.Module alone, and import none",
			Of:   []string{"application/changefeed", "application/relay"},
			May: func(_ string, i Path) bool {
				return !within(i.Name, "domain") || within(i.Name, append(kernel(), "domain/access")...)
			},
		},
		{
			Name: "an adapter imports no other adapter, nor bootstrap, nor tests",
			Of:   []string{"adapters"},
			May: func(of string, i Path) bool {
				return !i.Own || within(i.Name, "domain", "ports", "application", "migrations", moduleOf(of))
			},
		},
		{
			Name: "migrations import nothing but embed",
			Of:   []string{"migrations"},
			May:  func(_ string, i Path) bool { return i.Name == "embed" },
		},
		{
			Name: "bootstrap imports no tests",
			Of:   []string{"bootstrap"},
			May:  func(_ string, i Path) bool { return !within(i.Name, "test", "testing") },
		},
	}
}

// storeRules separate the generic part of the store from the modules' repositories.
func storeRules() []Rule {
	return []Rule{
		{
			Name: "the generic part of the store imports no domain module",
			Of:   []string{"adapters/bunstore"},
			May: func(of string, i Path) bool {
				return !slices.Contains(genericStore(), of) || !i.Own || !within(i.Name, "domain") ||
					within(i.Name, kernel()...)
			},
		},
		{
			Name: "the repositories of a module are imported by bootstrap alone",
			Of:   []string{"adapters/bunstore"},
			May: func(_ string, i Path) bool {
				return !i.Own || !within(i.Name, "adapters/bunstore") || slices.Contains(genericStore(), i.Name)
			},
		},
	}
}

// Owner says in which folder alone a third-party library may be imported.
type Owner struct {
	Library string
	Folders []string
}

// Owners gives each library its folder. Tests may import any.
func Owners() []Owner {
	one := func(library string, folders ...string) Owner { return Owner{Library: library, Folders: folders} }
	return []Owner{
		one("github.com/gin-gonic/gin", "adapters/ginapi"),
		one("github.com/danielgtaylor/huma", "adapters/ginapi"),
		one("github.com/go-json-experiment/json", "adapters/ginapi"),
		one("github.com/swaggest/swgui", "adapters/ginapi"),
		one("golang.org/x/sync", "adapters/ginapi"),
		one("golang.org/x/time", "adapters/ginapi"),
		one("github.com/uptrace/bun", "adapters/bunstore"),
		one("modernc.org/sqlite", "adapters/bunstore"),
		one("github.com/pressly/goose", "adapters/bunstore"),
		one("github.com/gofrs/flock", "adapters/bunstore", "adapters/filebacklog"),
		one("github.com/fernet/fernet-go", "adapters/fernetcipher"),
		one("github.com/redis/go-redis", "adapters/rediscache"),
		one("github.com/sony/gobreaker", "adapters/rediscache"),
		one("github.com/coreos/go-oidc", "adapters/jwtverifier"),
		one("github.com/go-jose/go-jose", "adapters/jwtverifier"),
		one("github.com/maypok86/otter", "adapters/localcache"),
		one("github.com/ThreeDotsLabs/watermill", "adapters/watermillbus"),
		one("github.com/ThreeDotsLabs/watermill-kafka", "adapters/watermillbus"),
		one("github.com/IBM/sarama", "adapters/watermillbus"),
		one("github.com/xdg-go/scram", "adapters/watermillbus"),
		one("google.golang.org/grpc", "adapters/httpprobe"),
		one("github.com/google/uuid", "adapters/system"),
		one("github.com/spf13/cobra", "adapters/cli"),
		one("go.uber.org/fx", "bootstrap"),
		one("go.uber.org/dig", "bootstrap"),
		one("github.com/caarlos0/env", "bootstrap/settings"),
		one("github.com/agnivade/levenshtein", "bootstrap/settings"),
		one("golang.org/x/term", "bootstrap"),
		one("go.uber.org/zap", "adapters", "bootstrap"),
		one("github.com/ory/dockertest", "test/harness"),
	}
}

// CheckImports returns the breaches of the import rules.
func CheckImports(tree Tree, rules []Rule) []string {
	var breaches []string
	for _, rule := range rules {
		met := false
		for _, p := range tree.Packages {
			if !within(p.Path, rule.Of...) || within(p.Path, rule.Except...) && len(rule.Except) > 0 {
				continue
			}
			met = true
			for _, i := range p.Imports {
				if !rule.May(p.Path, sorted(i.Path)) {
					breaches = append(breaches, fmt.Sprintf("%s: %s imports %s", rule.Name, i.File, i.Path))
				}
			}
		}
		if !met {
			breaches = append(breaches, fmt.Sprintf("%s: no package is under this rule", rule.Name))
		}
	}
	return breaches
}

// CheckOwners returns the libraries that are imported outside their folder, that
// nobody imports, or that have no owner.
func CheckOwners(tree Tree, owners []Owner) []string {
	var breaches []string
	used := map[string]bool{}
	for _, p := range tree.Packages {
		for _, i := range p.Imports {
			if s := sorted(i.Path); s.Std || s.Own {
				continue
			}
			n := slices.IndexFunc(owners, func(o Owner) bool { return within(i.Path, o.Library) })
			if n < 0 {
				if !within(p.Path, "test") {
					breaches = append(breaches, fmt.Sprintf("every library has an owner: %s imports %s", i.File, i.Path))
				}
				continue
			}
			if within(p.Path, owners[n].Folders...) {
				used[owners[n].Library] = true
			} else if !within(p.Path, "test") {
				breaches = append(breaches, fmt.Sprintf("%s belongs to %s: %s imports it",
					owners[n].Library, strings.Join(owners[n].Folders, " and "), i.File))
			}
		}
	}
	for _, o := range owners {
		if !used[o.Library] {
			breaches = append(breaches, fmt.Sprintf("%s belongs to %s, where nothing imports it",
				o.Library, strings.Join(o.Folders, " and ")))
		}
	}
	return breaches
}

// CheckBinary returns what is linked into the binary and belongs to tests.
func CheckBinary(tree Tree) []string {
	var breaches []string
	if !slices.Contains(tree.Binary, Module+"/bootstrap") {
		breaches = append(breaches, "nothing of tests is in the binary: the binary is not linked from bootstrap")
	}
	for _, path := range tree.Binary {
		if within(path, "testing", Module+"/test", "github.com/stretchr/testify", "github.com/ory/dockertest", "pgregory.net/rapid") {
			breaches = append(breaches, "nothing of tests is in the binary: it is linked from "+path)
		}
	}
	return breaches
}

// within reports whether a path is one of the folders or beneath one. A major
// version of a module counts as beneath it.
func within(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return path == f || strings.HasPrefix(path, f+"/")
	})
}

func sorted(path string) Path {
	if path == Module || strings.HasPrefix(path, Module+"/") {
		return Path{Own: true, Name: strings.TrimPrefix(strings.TrimPrefix(path, Module), "/")}
	}
	first, _, _ := strings.Cut(path, "/")
	return Path{Std: !strings.Contains(first, "."), Name: path}
}

// moduleOf returns "adapters/<name>" for a package of that adapter, and "domain/<name>"
// or "application/<name>" for one of that module.
func moduleOf(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(len(parts), 2)], "/")
}
