package architecture_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/architecture"
	"github.com/signalbox-hq/signalbox/test/contract"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	require.NoError(t, err)
	return dir
}

func TestTree(t *testing.T) {
	t.Parallel()
	tree, err := architecture.Load(root(t))
	require.NoError(t, err)
	source, err := architecture.CheckSource(tree)
	require.NoError(t, err)
	ports, err := architecture.CheckPorts(tree, contract.Behaviours())
	require.NoError(t, err)
	migrations, err := architecture.CheckMigrations(tree.Root)
	require.NoError(t, err)
	statements, err := architecture.CheckStatements(tree)
	require.NoError(t, err)
	bounds, err := architecture.CheckBounds(tree)
	require.NoError(t, err)
	routes, err := architecture.CheckRoutes(tree)
	require.NoError(t, err)
	for _, breaches := range [][]string{
		architecture.CheckImports(tree, architecture.ImportRules()),
		architecture.CheckOwners(tree, architecture.Owners()),
		architecture.CheckBinary(tree),
		source, ports, migrations, statements, bounds, routes,
	} {
		for _, b := range breaches {
			t.Error(b)
		}
	}
}

// importing returns a tree of one package that imports one thing.
func importing(path, imported string) architecture.Tree {
	return architecture.Tree{Packages: []architecture.Package{{
		Path: path, Files: []string{"bad.go"},
		Imports: []architecture.Import{{File: path + "/bad.go", Path: imported}},
	}}}
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	own := func(path string) string { return architecture.Module + "/" + path }
	rows := []struct {
		name, of, imported string
		breach             string
	}{
		{name: "domain may not import a library", of: "domain/configuration", imported: "go.uber.org/zap", breach: "a domain module imports"},
		{name: "domain may not import ports", of: "domain/configuration", imported: own("ports"), breach: "a domain module imports"},
		{name: "a module may not import another", of: "domain/configuration", imported: own("domain/access"), breach: "a domain module imports"},
		{name: "the kernel may not import a module", of: "domain/fault", imported: own("domain/access"), breach: "the kernel imports"},
		{name: "ports may not import a module", of: "ports", imported: own("domain/access"), breach: "ports import"},
		{name: "an application module may not import another", of: "application/configapp", imported: own("application/accessapp"), breach: "the application imports"},
		{name: "the change feed may not import a module", of: "application/changefeed", imported: own("domain/flag"), breach: "know modules by ports.Module alone"},
		{name: "the application may not import an adapter", of: "application/configapp", imported: own("adapters/bunstore"), breach: "the application imports"},
		{name: "an adapter may not import another", of: "adapters/ginapi", imported: own("adapters/bunstore"), breach: "an adapter imports no other"},
		{name: "an adapter may not import bootstrap", of: "adapters/cli", imported: own("bootstrap/settings"), breach: "an adapter imports no other"},
		{name: "bootstrap may not import tests", of: "bootstrap", imported: own("test/fixture"), breach: "bootstrap imports no tests"},
		{name: "the store may not import a module", of: "adapters/bunstore", imported: own("domain/access"), breach: "the generic part of the store imports"},
		{name: "the feed's store may not import a module", of: "adapters/bunstore/feedstore", imported: own("domain/flag"), breach: "the generic part of the store imports"},
		{name: "the store may not import repositories", of: "adapters/bunstore", imported: own("adapters/bunstore/flagstore"), breach: "the repositories of a module are"},
		{name: "repositories may not import those of another module", of: "adapters/bunstore/flagstore", imported: own("adapters/bunstore/configstore"), breach: "the repositories of a module are"},
		{name: "the HTTP kernel may not import a module", of: "adapters/ginapi/rest", imported: own("domain/flag"), breach: "the kernel of the HTTP interface imports"},
		{name: "the HTTP kernel may not import a module's use cases", of: "adapters/ginapi/rest", imported: own("application/flagapp"), breach: "the kernel of the HTTP interface imports"},
		{name: "the HTTP kernel may not import a module's operations", of: "adapters/ginapi/rest", imported: own("adapters/ginapi/flagapi"), breach: "the kernel of the HTTP interface imports"},
		{name: "a module's operations may not import those of another", of: "adapters/ginapi/flagapi", imported: own("adapters/ginapi/ofrepapi"), breach: "a module's package of the HTTP interface imports"},
		{name: "migrations import nothing", of: "migrations", imported: "os", breach: "migrations import nothing"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var about []string
			for _, b := range architecture.CheckImports(importing(row.of, row.imported), architecture.ImportRules()) {
				if !strings.Contains(b, "no package is under") {
					about = append(about, b)
				}
			}
			require.Len(t, about, 1)
			assert.Contains(t, about[0], row.breach)
			assert.Contains(t, about[0], row.of+"/bad.go imports "+row.imported)
		})
	}

	t.Run("a rule that no package is under is a breach", func(t *testing.T) {
		t.Parallel()
		breaches := architecture.CheckImports(architecture.Tree{}, architecture.ImportRules())
		assert.Len(t, breaches, len(architecture.ImportRules()))
	})
}

func TestOwners(t *testing.T) {
	t.Parallel()
	gin := []architecture.Owner{{Library: "github.com/gin-gonic/gin", Folders: []string{"adapters/ginapi"}}}

	t.Run("a library outside its folder is a breach", func(t *testing.T) {
		t.Parallel()
		breaches := architecture.CheckOwners(importing("application/configapp", "github.com/gin-gonic/gin"), gin)
		assert.Contains(t, breaches, "github.com/gin-gonic/gin belongs to adapters/ginapi: application/configapp/bad.go imports it")
	})

	t.Run("a library without an owner is a breach", func(t *testing.T) {
		t.Parallel()
		breaches := architecture.CheckOwners(importing("adapters/ginapi", "example.org/new/v2"), nil)
		assert.Equal(t, []string{"every library has an owner: adapters/ginapi/bad.go imports example.org/new/v2"}, breaches)
	})

	t.Run("an owner that does not use its library is a breach", func(t *testing.T) {
		t.Parallel()
		breaches := architecture.CheckOwners(architecture.Tree{}, gin)
		assert.Equal(t, []string{"github.com/gin-gonic/gin belongs to adapters/ginapi, where nothing imports it"}, breaches)
	})
}

func TestBinaryRule(t *testing.T) {
	t.Parallel()
	linked := architecture.Tree{Binary: []string{architecture.Module + "/bootstrap", architecture.Module + "/test/fixture", "testing"}}
	assert.Len(t, architecture.CheckBinary(linked), 2)
	assert.Len(t, architecture.CheckBinary(architecture.Tree{}), 1)
}

func TestSourceRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := "func long() {\n" + strings.Repeat("\t_ = 1\n", architecture.MaxFunctionLines) + "}\n"
	source := "package bad\n\nvar counter int\n\nfunc init() {}\n\n" + long +
		"type wide interface {\n" + strings.Repeat("\tM() error\n", 8) + "}\n" + strings.Repeat("\n", architecture.MaxFileLines)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.go"), []byte(source), 0o600))
	breaches, err := architecture.CheckSource(architecture.Tree{
		Packages: []architecture.Package{{Path: "domain/bad", Dir: dir, Files: []string{"bad.go"}}},
	})
	require.NoError(t, err)
	for i, want := range []string{
		"every folder has a doc.go: domain/bad has none",
		"a file has at most 400 lines: domain/bad/bad.go has",
		"no package variable can change: domain/bad/bad.go has counter",
		"nothing happens before main: domain/bad/bad.go has an init",
		"a function has at most 60 lines: long in domain/bad/bad.go has 62",
		"an interface has at most 7 methods: wide in domain/bad/bad.go has 8",
	} {
		require.Greater(t, len(breaches), i)
		assert.Contains(t, breaches[i], want)
	}
	assert.Len(t, breaches, 6)
}

func TestStatementRule(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := `package bad

func bad() {
	_ = db.NewRaw("INSERT INTO t VALUES (1) RETURNING id").Scan(ctx, &id)
	_ = db.NewInsert().Model(&row).Returning("id").Scan(ctx, &id)
	_ = db.NewUpdate().Model(&row).Where("id = ?", 1).Scan(ctx, &id)
	_ = pool.QueryRowContext(ctx, "DELETE FROM t RETURNING id").Scan(&id)
	_ = db.NewSelect().Model(&row).Scan(ctx)
	_, _ = db.NewInsert().Model(&row).Exec(ctx)
}
`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.go"), []byte(source), 0o600))
	breaches, err := architecture.CheckStatements(architecture.Tree{
		Packages: []architecture.Package{{Path: "adapters/bad", Dir: dir, Files: []string{"bad.go"}}},
	})
	require.NoError(t, err)
	require.Len(t, breaches, 5)
	for i, want := range []string{"NewRaw", "NewInsert…Scan", "Returning", "NewUpdate…Scan", "QueryRowContext"} {
		assert.Contains(t, breaches[i], "adapters/bad/bad.go calls "+want)
	}
}

func TestStatementRuleOfTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for statement, want := range map[string]string{
		"q := tx.NewInsert().Model(&row); _ = q.Scan(ctx, &id)":               "Scan",
		"_ = insert(tx).Where(`id = 1`).Scan(ctx, &id)":                       "Scan",
		"_, _ = q.ScanAndCount(ctx, &ids)":                                    "ScanAndCount",
		"_, _ = q.Rows(ctx)":                                                  "Rows",
		"_, _ = tx.NewInsert().Model(&row).Exec(ctx, &id)":                    "Exec",
		"_, _ = tx.Query(`DELETE FROM t RETURNING id`)":                       "Query",
		"_, _ = tx.QueryContext(ctx, `DELETE FROM t RETURNING id`)":           "QueryContext",
		"_ = tx.QueryRowContext(ctx, `DELETE FROM t RETURNING id`).Scan(&id)": "QueryRowContext",
		"_ = tx.NewSelect().Model(&row).Where(`id = 1`).Scan(ctx)":            "",
		"_, _ = s.pool().NewSelect().Model(&row).Rows(ctx)":                   "",
		"_ = scanSelect(ctx, q, &ids)":                                        "",
		"_, _ = tx.NewInsert().Model(&row).Exec(ctx)":                         "",
		"_, _ = tx.ExecContext(ctx, `DELETE FROM t WHERE id = ?`, id)":        "",
		"_ = url.Query()": "",
	} {
		source := "package bad\n\nfunc bad() { " + statement + " }\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.go"), []byte(source), 0o600))
		for _, path := range []string{"adapters/bunstore", "adapters/bunstore/flagstore"} {
			breaches, err := architecture.CheckStatements(architecture.Tree{
				Packages: []architecture.Package{{Path: path, Dir: dir, Files: []string{"bad.go"}}},
			})
			require.NoError(t, err)
			if want == "" {
				assert.Empty(t, breaches, statement)
				continue
			}
			assert.True(t, slices.ContainsFunc(breaches, func(breach string) bool {
				return strings.HasSuffix(breach, path+"/bad.go calls "+want)
			}), "%s: %v", statement, breaches)
		}
	}
}

func TestBoundRule(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for statement, want := range map[string]int{
		"_ = tx.NewSelect().Model(&rows).Scan(ctx)":                          1,
		"_, _ = s.NewSelect().Model(&rows).Order(`id`).ScanAndCount(ctx)":    1,
		"_, _ = s.NewSelect().Table(`t`).Rows(ctx)":                          1,
		"_ = tx.NewSelect().Model(&rows).Order(`id`).Limit(10).Scan(ctx)":    0,
		"n, _ = tx.NewSelect().Model(&rows).Count(ctx)":                      0,
		"_ = bunstore.ScanSelect(ctx, tx.NewSelect().Model(&rows), 10)":      0,
		"_, _ = tx.NewDelete().Where(`id IN (?)`, tx.NewSelect()).Exec(ctx)": 0,
	} {
		source := "package bad\n\nfunc bad() { " + statement + " }\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.go"), []byte(source), 0o600))
		breaches, err := architecture.CheckBounds(architecture.Tree{
			Packages: []architecture.Package{{Path: "adapters/bunstore/flagstore", Dir: dir, Files: []string{"bad.go"}}},
		})
		require.NoError(t, err)
		assert.Len(t, breaches, want, statement)
	}
}

func TestRouteRule(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for statement, want := range map[string]int{
		"_ = gin.New()":                              1,
		"huma.Register(api, op, run)":                1,
		"huma.Register[in, out](api, op, run)":       1,
		"r.OpenAPI().AddOperation(&op)":              1,
		"http.HandleFunc(`/`, f)":                    1,
		"rest.Typed(r, rest.Operation{}, run)":       0,
		"r.Hot(rest.Operation{}, h)":                 0,
		"r.Handle(rest.Operation{Hidden: true}, h)":  0,
		"_ = huma.Schema{}; rest.PathParam(`a`, ``)": 0,
	} {
		source := "package bad\n\nfunc bad() { " + statement + " }\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.go"), []byte(source), 0o600))
		for folder, breaches := range map[string]int{"adapters/ginapi/flagapi": want, "adapters/ginapi/rest": 0} {
			found, err := architecture.CheckRoutes(architecture.Tree{
				Packages: []architecture.Package{{Path: folder, Dir: dir, Files: []string{"bad.go"}}},
			})
			require.NoError(t, err)
			assert.Len(t, found, breaches, "%s in %s", statement, folder)
		}
	}
}

func TestPortRules(t *testing.T) {
	t.Parallel()
	tree, err := architecture.Load(root(t))
	require.NoError(t, err)

	t.Run("the ports are found", func(t *testing.T) {
		t.Parallel()
		ports, err := architecture.Ports(tree)
		require.NoError(t, err)
		assert.Contains(t, ports, "ports.Cipher")
		assert.Contains(t, ports, "domain/configuration.Repository")
	})

	t.Run("a port without a suite is a breach", func(t *testing.T) {
		t.Parallel()
		breaches, err := architecture.CheckPorts(tree, []string{"ports.Clock: tells the time"})
		require.NoError(t, err)
		assert.Contains(t, breaches, "every port has a contract suite: ports.Cipher has none in test/contract")
		assert.NotContains(t, breaches, "every port has a contract suite: ports.Clock has none in test/contract")
	})

	t.Run("a port of the same name in another module is no excuse", func(t *testing.T) {
		t.Parallel()
		breaches, err := architecture.CheckPorts(tree, []string{"flag.Repository and History: saves"})
		require.NoError(t, err)
		assert.Contains(t, breaches, "every port has a contract suite: domain/configuration.History has none in test/contract")
		assert.NotContains(t, breaches, "every port has a contract suite: domain/flag.History has none in test/contract")
	})
}

func TestMigrationRule(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"postgres/00001_a.sql", "postgres/00002_b.sql", "sqlite/00001_a.sql"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "migrations", filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "migrations", name), nil, 0o600))
	}
	breaches, err := architecture.CheckMigrations(dir)
	require.NoError(t, err)
	assert.Len(t, breaches, 1)
}
