// Package docs_test holds the pages of this folder, and the README and CHANGELOG
// beside it, to the code: every relative link leads somewhere, every identifier
// in a link is declared where the link says, and every worked number of elbo.md
// is what the code computes.
package docs_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/klreg"
	"govae/mnist"
	"govae/optim"
	"govae/vae"
)

const root = ".." // the module

// Links.

func TestLinks(t *testing.T) {
	var pages []string
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) == 0 {
		t.Fatal("no pages found")
	}
	for _, name := range []string{"README.md", "CHANGELOG.md"} {
		if path := filepath.Join(root, name); exists(path) {
			pages = append(pages, path)
		}
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range badLinks(page, string(text)) {
			t.Errorf("%s: %s", page, p)
		}
	}
}

// TestLinksAreChecked shows that TestLinks can fail.
func TestLinksAreChecked(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[`klreg.Gaussian`](../klreg/klreg.go)", ""},
		{"[`dist.BernoulliValue.LogProb`](../dist/bernoullivalue.go)", ""},
		{"[`dist.Family.Outputs`](../dist/dist.go)", ""},
		{"[`klreg.Weight.Beta`](../klreg/weight.go)", ""},
		{"[`klreg.Gaussian`](../klreg)", ""},
		{"[klreg.go](../klreg/klreg.go)", ""},
		{"[home](https://example.org/none.go)", ""},
		{"`[not a link](none.go)`", ""},
		{"```\n[not a link](none.go)\n```\n", ""},
		{"## A b(c)\n[x](#a-bc)", ""},
		{"[x](elbo.md#7-the-distortion-bernoulli-pixels)", ""},
		{"[x](none.go)", "no such file"},
		{"![x](none.png)", "no such file"},
		{"[x]: none.go", "no such file"},
		{"[![x](none.png)](elbo.md)", "no such file"},
		{"[![x](elbo.md)](none.go)", "no such file"},
		{`<img src="none.png">`, "no such file"},
		{"[x](/klreg/klreg.go)", "not relative"},
		{"[x](../../outside)", "leaves the module"},
		{"[x](../klreg/klreg.go#L3)", "line numbers"},
		{"[`klreg.Gausian`](../klreg/klreg.go)", "does not declare"},
		{"[`klreg.Weight`](../klreg/klreg.go)", "does not declare"},
		{"[`dist.Gaussian`](../klreg/klreg.go)", "does not declare"},
		{"[`dist.Bernoulli.None`](../dist/bernoulli.go)", "does not declare"},
		{"[`klreg.Nothing`](../klreg)", "does not declare"},
		{"[x](#nowhere)", "no heading"},
		{"[x](elbo.md#nowhere)", "no heading"},
	} {
		got := strings.Join(badLinks(filepath.Join(root, "docs", "page.md"), c.text), "; ")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

var (
	inlineLink = regexp.MustCompile(`\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)`)
	otherLink  = regexp.MustCompile(`(?m)^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)|(?:src|href)="([^"]+)"`)
	fence      = regexp.MustCompile("(?ms)^ *```.*?^ *```|^ *~~~.*?^ *~~~")
	identifier = regexp.MustCompile(`^[A-Za-z]\w*(\.[A-Za-z]\w*){1,2}$`)
)

// badLinks says what is wrong with the relative links of a page.
func badLinks(page, text string) (problems []string) {
	text = maskCode(text)
	check := func(label, target string) {
		if problem := badLink(page, text, label, target); problem != "" {
			problems = append(problems, fmt.Sprintf("[%s](%s): %s", label, target, problem))
		}
	}
	for _, m := range inlineLink.FindAllStringSubmatch(text, -1) {
		check(m[1], m[2])
		for _, inner := range inlineLink.FindAllStringSubmatch(m[1], -1) { // an image within a link
			check(inner[1], inner[2])
		}
	}
	for _, m := range otherLink.FindAllStringSubmatch(text, -1) {
		check("", m[1]+m[2])
	}
	return problems
}

func badLink(page, text, label, target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return err.Error()
	case u.Scheme != "" || u.Host != "":
		return ""
	case u.Path == "":
		return badAnchor(text, u.Fragment)
	case strings.HasPrefix(u.Path, "/"):
		return "not relative"
	}
	path := filepath.Join(filepath.Dir(page), filepath.FromSlash(u.Path))
	rel, err := filepath.Rel(root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "leaves the module"
	}
	if !exists(path) {
		return "no such file"
	}
	if strings.HasSuffix(path, ".md") && u.Fragment != "" {
		other, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		return badAnchor(maskCode(string(other)), u.Fragment)
	}
	if u.Fragment != "" && strings.HasSuffix(path, ".go") {
		return "line numbers change with every edit"
	}
	name := strings.TrimSuffix(strings.Trim(label, "`"), "()")
	if !identifier.MatchString(name) || name == filepath.Base(path) {
		return ""
	}
	files := []string{path}
	if !strings.HasSuffix(path, ".go") {
		files, _ = filepath.Glob(filepath.Join(path, "*.go"))
		if len(files) == 0 {
			return ""
		}
	}
	for _, file := range files {
		names, err := declared(file)
		if err != nil {
			return err.Error()
		}
		if names[name] {
			return ""
		}
	}
	return "does not declare " + name
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// declared returns the names that a Go file declares at its top, as pkg.Name,
// and the methods and fields of its types, as pkg.Type.Name.
func declared(file string) (map[string]bool, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	add := func(parts ...string) {
		names[strings.TrimSuffix(f.Name.Name, "_test")+"."+strings.Join(parts, ".")] = true
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name.Name)
			} else {
				add(receiver(d.Recv.List[0].Type), d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					for _, n := range s.Names {
						add(n.Name)
					}
				case *ast.TypeSpec:
					add(s.Name.Name)
					var members *ast.FieldList
					switch t := s.Type.(type) {
					case *ast.StructType:
						members = t.Fields
					case *ast.InterfaceType:
						members = t.Methods
					default:
						continue
					}
					for _, m := range members.List {
						for _, n := range m.Names {
							add(s.Name.Name, n.Name)
						}
					}
				}
			}
		}
	}
	return names, nil
}

// receiver returns the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// maskCode blanks code blocks, and code spans unless they are a link's text.
func maskCode(text string) string {
	text = fence.ReplaceAllString(text, "")
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "`")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		span, after, closed := strings.Cut(rest, "`")
		if !closed || strings.HasSuffix(before, "[") && strings.HasPrefix(after, "]") {
			b.WriteString("`" + span + "`")
		} else {
			b.WriteString("code")
		}
		text = after
	}
}

// badAnchor looks for the heading that GitHub gives an anchor.
func badAnchor(text, anchor string) string {
	seen := map[string]int{}
	for _, line := range strings.Split(text, "\n") {
		title := strings.TrimLeft(line, "#")
		if title == line || !strings.HasPrefix(title, " ") {
			continue
		}
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title))
		if n := seen[slug]; n > 0 {
			seen[slug]++
			slug += fmt.Sprintf("-%d", n)
		} else {
			seen[slug] = 1
		}
		if slug == anchor {
			return ""
		}
	}
	if strings.Contains(text, `id="`+anchor+`"`) || strings.Contains(text, `name="`+anchor+`"`) {
		return ""
	}
	return "no heading for this anchor"
}

// Numbers.

// boxed is a worked number on the page: `what = number`.
var boxed = regexp.MustCompile("`([^`\n]+) = (-?[0-9]+(?:\\.[0-9]+)?(?:e[-+][0-9]+)?)`")

var ln3, ln4 = math.Log(3), math.Log(4)

// numbers computes every worked number of elbo.md, by the name it has there.
var numbers = map[string]func(t *testing.T) float64{
	"exp(25)": value(math.Exp(25)),

	// 4: the two terms
	"vae.Terms{90, 20}.ELBO()": value(vae.Terms{Distortion: 90, Rate: 20}.ELBO()),
	"vae.Terms{84, 15}.ELBO()": value(vae.Terms{Distortion: 84, Rate: 15}.ELBO()),
	"vae.Terms{75, 25}.ELBO()": value(vae.Terms{Distortion: 75, Rate: 25}.ELBO()),

	// 5: the rate
	"klreg.Gaussian([0], [0])":            kl(v{0}, v{0}),
	"klreg.Gaussian([1], [0])":            kl(v{1}, v{0}),
	"klreg.Gaussian([0], [log 4])":        kl(v{0}, v{ln4}),
	"klreg.Gaussian([0], [-log 4])":       kl(v{0}, v{-ln4}),
	"klreg.Gaussian([1], [log 4])":        kl(v{1}, v{ln4}),
	"klreg.Gaussian([1, 0], [0, log 4])":  kl(v{1, 0}, v{0, ln4}),
	"klreg.Gaussian([0.5, -0.5], [0, 0])": kl(v{0.5, -0.5}, v{0, 0}),
	"klreg.Gaussian([0.8], [0])":          kl(v{0.8}, v{0}),
	"exp(x) - 1 - x at x = 0.0001":        naive32(0.0001),
	"exp(x) - 1 - x at x = -0.0001":       naive32(-0.0001),
	"2·klreg.Gaussian([0], [-0.0001])":    value(2 * klreg.Gaussian(v{0}, v{-0.0001})),
	"∂KL/∂logvar at log 4":                value(slope(func(lv float64) float64 { return klreg.Gaussian(v{0}, v{lv}) }, ln4)),
	"KL(N(0,1) ‖ N(0,4))":                 value(klreg.Gaussians(v{0}, v{0}, v{0}, v{ln4})),
	"KL(N(0,4) ‖ N(0,1))":                 value(klreg.Gaussians(v{0}, v{ln4}, v{0}, v{0})),
	"KL(N(1,1) ‖ N(0,4))":                 value(klreg.Gaussians(v{1}, v{0}, v{0}, v{ln4})),

	// 6: reparameterization
	"vae.ReparameterizeValue([1], [log 4], [0.5])": value(reparameterize(1, ln4, 0.5)),
	"∂z/∂logvar at logvar = log 4, eps = 0.5": value(slope(func(lv float64) float64 {
		return reparameterize(1, lv, 0.5)
	}, ln4)),
	"Var[2 (1 + eps)]":    value(variance(func(eps float64) float64 { return 2 * (1 + eps) })),
	"Var[(1 + eps)²·eps]": value(variance(func(eps float64) float64 { return (1 + eps) * (1 + eps) * eps })),

	// 7: the distortion
	"−dist.Bernoulli.At([log 3]).LogProb([1])":                  bernoulli(v{ln3}, v{1}),
	"−dist.Bernoulli.At([log 3]).LogProb([0])":                  bernoulli(v{ln3}, v{0}),
	"−dist.Bernoulli.At([0, log 3, -log 3]).LogProb([1, 1, 0])": bernoulli(v{0, ln3, -ln3}, v{1, 1, 0}),
	"−dist.Bernoulli.At([1000]).LogProb([0])":                   bernoulli(v{1000}, v{0}),
	"784·log 2": bernoulli(make(v, 784), make(v, 784)),
	"∂/∂l at l = log 3, x = 1": value(slope(func(l float64) float64 {
		return -dist.Bernoulli{}.At(v{l}).LogProb(v{1})
	}, ln3)),
	"sigmoid(1)":                value(dist.Bernoulli{}.At(v{1}).Mean()[0]),
	"bits a pixel at -100 nats": value(100 / (784 * math.Ln2)),

	// 8: grey pixels
	"∫ pˣ(1-p)¹⁻ˣ dx at p = 1/2":               mass(0),
	"∫ pˣ(1-p)¹⁻ˣ dx at p = 3/4":               mass(ln3),
	"H(0.25)":                                  bernoulli(v{-ln3}, v{0.25}), // sigmoid(−log 3) = ¼
	"floor of the distortion on grey MNIST":    greyFloor,
	"distortion of the best decoder without z": bestConstant,

	// 9: sampled KL
	"Var[draw] at mu = 1, logvar = 0":     drawVariance(1, 0),
	"Var[draw] at mu = 1, logvar = log 4": drawVariance(1, ln4),
	"P(eps < -1/2)":                       value(math.Erfc(0.5/math.Sqrt2) / 2),

	// 10: importance weights
	"dist.LogSumExp of -1000 and -1000 + log 3": func(*testing.T) float64 {
		var l dist.LogSumExp
		l.Add(-1000)
		l.Add(-1000 + ln3)
		return l.Value()
	},

	// 11: weights of the KL
	"klreg.Weight{Beta: 1, Warmup: 10}.At(4)": value(klreg.Weight{Beta: 1, Warmup: 10}.At(4)),
	"penalty without free bits":               penalty(0),
	"penalty with free bits 0.5":              penalty(0.5),

	// 13: Adam
	"β1":                    value(optim.DefaultConfig().Beta1),
	"β2":                    value(optim.DefaultConfig().Beta2),
	"w after g = 0.5":       adam(0.5),
	"w after g = 0.5, -0.5": adam(0.5, -0.5),

	// 14: the exact case
	"log p(x)":                  value(logEvidence(1, 2)),
	"log p(x) at x = (0, 0)":    value(logEvidence(0, 0)),
	"rate of the exact q":       term(exact, 1, 2, rate),
	"distortion of the exact q": term(exact, 1, 2, distortion),
	"ELBO of the exact q":       term(exact, 1, 2, vae.Terms.ELBO),
	"rate of the wide q":        term(wide, 1, 2, rate),
	"distortion of the wide q":  term(wide, 1, 2, distortion),
	"ELBO of the wide q":        term(wide, 1, 2, vae.Terms.ELBO),
	"rate at x = (0, 0)":        term(exact, 0, 0, rate),
	"distortion at x = (0, 0)":  term(exact, 0, 0, distortion),
	"KL(wide q ‖ posterior)":    value(klreg.Gaussians(v{1}, v{0}, v{1}, v{-ln3})),
	"Var[distortion] of the exact q": func(t *testing.T) float64 {
		m := linear(t, exact)
		at := func(eps float32) float64 { return terms(t, m, 1, 2, eps).Distortion }
		b, c := (at(1)-at(-1))/2, (at(1)+at(-1))/2-at(0) // a + b·eps + c·eps²
		return b*b + 2*c*c
	},
	"log w of the exact q": func(t *testing.T) float64 {
		return logLikelihood(t, linear(t, exact), 1, 1)[0]
	},
	"L_1":   bound(1),
	"L_2":   bound(2),
	"L_10":  bound(10),
	"L_100": bound(100),
}

type v = []float64

func TestNumbers(t *testing.T) {
	text, err := os.ReadFile("elbo.md")
	if err != nil {
		t.Fatal(err)
	}
	onPage := map[string][]string{}
	for _, m := range boxed.FindAllStringSubmatch(string(text), -1) {
		if numbers[m[1]] == nil {
			t.Errorf("elbo.md: `%s = %s`: no test computes this", m[1], m[2])
		}
		onPage[m[1]] = append(onPage[m[1]], m[2])
	}
	for name, compute := range numbers {
		t.Run(name, func(t *testing.T) {
			if len(onPage[name]) == 0 {
				t.Fatal("elbo.md does not have this number")
			}
			x := compute(t)
			for _, page := range slices.Compact(onPage[name]) {
				if code := sameDigits(x, page); code != page {
					t.Errorf("elbo.md says %s, the code %s (%v)", page, code, x)
				}
			}
		})
	}
}

// sameDigits writes x with as many decimals as like, and an exponent if it has one.
func sameDigits(x float64, like string) string {
	format := byte('f')
	mantissa, _, exponent := strings.Cut(like, "e")
	if exponent {
		format = 'e'
	}
	_, decimals, _ := strings.Cut(mantissa, ".")
	return strconv.FormatFloat(x, format, len(decimals), 64)
}

func value(x float64) func(*testing.T) float64 { return func(*testing.T) float64 { return x } }

func kl(mu, logvar v) func(*testing.T) float64 { return value(klreg.Gaussian(mu, logvar)) }

func bernoulli(logits, x v) func(*testing.T) float64 {
	return value(-dist.Bernoulli{}.At(logits).LogProb(x))
}

func naive32(x float32) func(*testing.T) float64 {
	e := float32(math.Exp(float64(x)))
	d := e - 1
	return value(float64(d - x))
}

// slope is the derivative, by central differences.
func slope(f func(float64) float64, x float64) float64 {
	const h = 1e-5
	return (f(x+h) - f(x-h)) / (2 * h)
}

func reparameterize(mu, logvar, eps float64) float64 {
	z := v{0}
	vae.ReparameterizeValue(z, v{mu}, v{logvar}, v{eps})
	return z[0]
}

// normal is E[f(eps)] for eps ~ N(0,1), by the trapezoidal rule, which converges
// faster than any power of the step for such integrands.
func normal(f func(float64) float64) float64 {
	const h = 1.0 / 64
	sum := 0.0
	for eps := -12.0; eps <= 12; eps += h {
		sum += f(eps) * math.Exp(-eps*eps/2)
	}
	return sum * h / math.Sqrt(2*math.Pi)
}

func variance(f func(float64) float64) float64 {
	m := normal(f)
	return normal(func(eps float64) float64 { return (f(eps) - m) * (f(eps) - m) })
}

// mass is ∫ exp(−distortion) over grey values x in [0,1], by the midpoint rule.
func mass(logit float64) func(*testing.T) float64 {
	const n = 10000
	sum := 0.0
	for i := range n {
		x := (float64(i) + 0.5) / n
		sum += math.Exp(dist.Bernoulli{}.At(v{logit}).LogProb(v{x}))
	}
	return value(sum / n)
}

var loadMNIST = sync.OnceValues(func() (*mnist.Set, error) {
	_, test, err := mnist.Load("")
	return test, err
})

func mnistTest(t *testing.T) *mnist.Set {
	set, err := loadMNIST()
	if errors.Is(err, mnist.ErrNotFound) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	return set
}

// entropy of a pixel of mean p is its least distortion, at the logit of p.
func entropy(p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	return -dist.Bernoulli{}.At(v{math.Log(p / (1 - p))}).LogProb(v{p})
}

func greyFloor(t *testing.T) float64 {
	set := mnistTest(t)
	var count [256]float64
	for _, p := range set.Pixels {
		count[p]++
	}
	sum := 0.0
	for p, n := range count {
		sum += n * entropy(float64(p)/255)
	}
	return sum / float64(set.Len())
}

func bestConstant(t *testing.T) float64 {
	sum := 0.0
	for _, p := range mnistTest(t).Mean() {
		sum += entropy(p)
	}
	return sum
}

// drawVariance is the formula of the page; GaussianMC's own standard error has to
// agree with it. Its square estimates the variance with a relative standard error
// of at most √(14/n), as if the draw were all eps²; four of those are allowed.
func drawVariance(mu, logvar float64) func(t *testing.T) float64 {
	return func(t *testing.T) float64 {
		s2 := math.Exp(logvar)
		want := mu*mu*s2 + (s2-1)*(s2-1)/2
		const n = 100_000
		mean, stderr := klreg.GaussianMC(v{mu}, v{logvar}, n, rand.NewPCG(1, 2))
		if got := stderr * stderr * n; math.Abs(got/want-1) > 4*math.Sqrt(14.0/n) {
			t.Errorf("GaussianMC: variance %v of a draw, want %v", got, want)
		}
		if exact := klreg.Gaussian(v{mu}, v{logvar}); math.Abs(mean-exact) > 4*stderr {
			t.Errorf("GaussianMC: %v ± %v, want %v", mean, stderr, exact)
		}
		return want
	}
}

// penalty is that of two dimensions with mean KLs 0.1 and 2, and checks which of
// them receive a gradient.
func penalty(freeBits float64) func(t *testing.T) float64 {
	return func(t *testing.T) float64 {
		g := G.NewGraph()
		kls := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{0.05, 1, 0.15, 3}))
		dims := G.NewMatrix(g, tensor.Float64, G.WithShape(2, 2), G.WithName("dims"), G.WithValue(kls))
		node, err := klreg.Weight{Beta: 1, FreeBits: freeBits}.Penalty(dims, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		grads, err := G.Grad(node, dims)
		if err != nil {
			t.Fatal(err)
		}
		var p, grad G.Value
		G.Read(node, &p)
		G.Read(grads[0], &grad)
		vm := G.NewTapeMachine(g)
		defer vm.Close()
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		first := 0.5 // of a mean over two images
		if freeBits > 0.1 {
			first = 0
		}
		if got, want := grad.Data().([]float64), (v{first, 0.5, first, 0.5}); !slices.Equal(got, want) {
			t.Errorf("gradient %v, want %v", got, want)
		}
		return p.Data().(float64)
	}
}

// adam is a weight after steps along the given gradients, from 0, with lr = 0.1.
func adam(grads ...float32) func(*testing.T) float64 {
	return func(t *testing.T) float64 {
		w := []float32{0}
		a, err := optim.NewAdam([][]float32{w}, optim.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range grads {
			a.Step([][]float32{{g}}, 0.1, 1)
		}
		return float64(w[0])
	}
}

// The exact case: x = (1,1)ᵀz + noise, and q with the posterior's mean and one of
// these log-variances.
var exact, wide = -ln3, 0.0

// logEvidence is log N(x; 0, wwᵀ + I) with w = (1,1)ᵀ, whose determinant is 3 and
// whose inverse is I − wwᵀ/3.
func logEvidence(x0, x1 float64) float64 {
	s := x0 + x1
	return -math.Log(2*math.Pi) - ln3/2 - (x0*x0+x1*x1-s*s/3)/2
}

// linear is the model of the page.
func linear(t *testing.T, logvar float64) *vae.Model {
	m, err := vae.New(vae.Config{Rows: 1, Cols: 2, Latent: 1, Activation: "relu", Likelihood: "gaussian", Sigma: 1, Init: "pytorch"})
	if err != nil {
		t.Fatal(err)
	}
	weights := map[string][]float32{
		"encoder.mu.weight": {1. / 3, 1. / 3}, "encoder.mu.bias": {0},
		"encoder.logvar.weight": {0, 0}, "encoder.logvar.bias": {float32(logvar)},
		"decoder.output.weight": {1, 1}, "decoder.output.bias": {0, 0},
	}
	f, err := m.File(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range f.Tensors { // they share the model's memory
		w, ok := weights[x.Name]
		if data := x.Data.([]float32); !ok || copy(data, w) != len(data) {
			t.Fatalf("no weights for %s", x.Name)
		}
		delete(weights, x.Name)
	}
	if len(weights) > 0 {
		t.Fatalf("the model lacks %v", weights)
	}
	return m
}

func terms(t *testing.T, m *vae.Model, x0, x1, eps float32) vae.Terms {
	all, err := m.ELBO([]float32{x0, x1}, []float32{eps})
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func rate(t vae.Terms) float64       { return t.Rate }
func distortion(t vae.Terms) float64 { return t.Distortion }

// term is the exact expectation over eps of something at most quadratic in it:
// ±1 have the mean and the variance of eps.
func term(logvar float64, x0, x1 float32, of func(vae.Terms) float64) func(t *testing.T) float64 {
	return func(t *testing.T) float64 {
		m := linear(t, logvar)
		return (of(terms(t, m, x0, x1, 1)) + of(terms(t, m, x0, x1, -1))) / 2
	}
}

// logLikelihood is the estimate of log p(x) at x = (1,2), repeated.
func logLikelihood(t *testing.T, m *vae.Model, repeat, k int) []float64 {
	x := make([]float32, 0, 2*repeat)
	for range repeat {
		x = append(x, 1, 2)
	}
	logp, err := m.LogLikelihood(context.Background(), x, k, 1)
	if err != nil {
		t.Fatal(err)
	}
	return logp
}

// bound is L_K of the wide q, where w/p(x) = u = √3·exp(−eps²), to all digits:
//
//	E log Σ u = ∫ (exp(−s) − φ(s)^K)/s ds,  φ(s) = E exp(−s·u)
//
// by Frullani's integral for the logarithm, with s = exp(y). The model's own
// estimate must lie within four standard errors of it.
func bound(k int) func(t *testing.T) float64 {
	return func(t *testing.T) float64 {
		sum := 0.0
		const h = 1.0 / 16
		for y := -40.0; y <= 80; y += h {
			s := math.Exp(y)
			phi := normal(func(eps float64) float64 { return math.Exp(-s * math.Sqrt(3) * math.Exp(-eps*eps)) })
			sum += math.Exp(-s) - math.Pow(phi, float64(k))
		}
		want := logEvidence(1, 2) + sum*h - math.Log(float64(k))
		var mean, square float64
		const n = 2000
		for _, x := range logLikelihood(t, linear(t, wide), n, k) {
			mean += x / n
			square += x * x / n
		}
		if stderr := math.Sqrt((square - mean*mean) / n); math.Abs(mean-want) > 4*stderr {
			t.Errorf("LogLikelihood: %v ± %v, want %v", mean, stderr, want)
		}
		return want
	}
}
