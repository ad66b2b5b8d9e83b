package main

import (
	"fmt"
	"go/format"
	"strings"
)

func list(kind arrayKind, names string) (as []array) {
	for _, n := range strings.Fields(names) {
		as = append(as, array{n, kind})
	}
	return as
}

// unary is y = f(x).
func unary(name, doc string, f func(p *prog, x value) value) kernel {
	return kernel{name: name, doc: doc, arrays: list(elements, "y x"), body: func(p *prog) { p.store(0, f(p, p.load(1))) }}
}

// bias is y = f(y + b), with b the same for each row.
func bias(name, doc string, f func(p *prog, x value) value) kernel {
	return kernel{name: name, doc: doc, rows: true, arrays: append(list(elements, "y"), list(repeated, "b")...),
		body: func(p *prog) { p.store(0, f(p, p.add(p.load(0), p.load(1)))) }}
}

// Parameters of Adam.
const (
	adamScale = iota
	adamB1
	adamA1
	adamB2
	adamA2
	adamK
	adamEps
	adamStep
	adamParams
)

var kernels = []kernel{
	unary("Exp", "y = exp x", func(p *prog, x value) value { return p.exp(x, 0) }),
	unary("Log1p", "y = log(1+x)", (*prog).log1p),
	unary("Softplus", "y = log(1 + exp x)", (*prog).softplus),
	unary("Sigmoid", "y = 1/(1 + exp −x)", (*prog).sigmoidExact),
	unary("Tanh", "y = tanh x", (*prog).tanh),
	{name: "Mul", doc: "c = a·b", arrays: list(elements, "c a b"), body: func(p *prog) { p.store(0, p.mul(p.load(1), p.load(2))) }},

	bias("BiasIdentity", "y = y + b", func(p *prog, x value) value { return x }),
	bias("BiasReLU", "y = max(0, y + b); NaN stays", func(p *prog, x value) value { return p.max(p.num(0), x) }),
	bias("BiasTanh", "y = tanh(y + b)", (*prog).tanh),
	bias("BiasSoftplus", "y = log(1 + exp(y + b))", (*prog).softplus),

	{name: "ReLUGrad", doc: "da = dy where y is not ≤ 0, or else 0", arrays: list(elements, "da dy y"), body: func(p *prog) {
		p.store(0, p.keep(p.nle(p.load(2), p.num(0)), p.load(1)))
	}},
	{name: "TanhGrad", doc: "da = dy·(1−y)·(1+y)", arrays: list(elements, "da dy y"), body: func(p *prog) {
		y := p.load(2)
		p.store(0, p.mul(p.mul(p.load(1), p.sub(p.num(1), y)), p.add(y, p.num(1))))
	}},
	{name: "SoftplusGrad", doc: "da = dy·(1 − exp −y) of y ≥ 0", arrays: list(elements, "da dy y"), body: func(p *prog) {
		p.store(0, p.mul(p.load(1), p.oneMinusExp(p.sub(p.num(0), p.load(2)))))
	}},
	{name: "Reparameterize", doc: "z = mu + exp(logvar/2)·eps", arrays: list(elements, "z mu logvar eps"), body: func(p *prog) {
		p.store(0, p.fma(p.exp(p.mul(p.load(2), p.num(0.5)), 0), p.load(3), p.load(1)))
	}},
	{name: "ReparameterizeGrad", doc: "dlogvar = dz·(exp(logvar/2)/2)·eps", arrays: list(elements, "dlogvar dz logvar eps"), body: func(p *prog) {
		p.store(0, p.mul(p.mul(p.load(1), p.exp(p.mul(p.load(2), p.num(0.5)), -1)), p.load(3)))
	}},
	{name: "GaussianKL", doc: "kl = (mu² + exp(logvar) − 1 − logvar)/2", arrays: list(elements, "kl mu logvar"), body: func(p *prog) {
		mu := p.load(1)
		p.store(0, p.fma(p.mul(mu, p.num(0.5)), mu, p.halfExpm1Minus(p.load(2))))
	}},
	{name: "GaussianKLGrad", doc: "dlogvar = dkl·(exp(logvar) − 1)/2", arrays: list(elements, "dlogvar dkl logvar"), body: func(p *prog) {
		q := p.expm1Quarter(p.load(2))
		p.store(0, p.mul(p.load(1), p.add(q, q)))
	}},
	{name: "Adam", doc: "g = grad·scale, m = b1·m + a1·g, v = b2·v + a2·g², w = w − step·m/(√v·k + eps)",
		arrays: list(elements, "w grad m v"), params: adamParams, flush: true, body: func(p *prog) {
			g := p.mul(p.load(1), p.param(adamScale))
			m := p.fma(g, p.param(adamA1), p.mul(p.load(2), p.param(adamB1)))
			v := p.fma(p.mul(g, p.param(adamA2)), g, p.mul(p.load(3), p.param(adamB2)))
			p.store(2, m)
			p.store(3, v)
			d := p.fma(p.sqrt(v), p.param(adamK), p.param(adamEps))
			p.store(0, p.sub(p.load(0), p.div(p.mul(m, p.param(adamStep)), d)))
		}},
	{name: "SumSquares", doc: "s[0] = Σ x², in float64", arrays: append(list(rowResult, "s"), list(elements, "x")...), sum: sum64, out64: true,
		body: func(p *prog) { p.accumulateSquare(p.load(1)) }},

	{name: "RowScale", doc: "c[i,j] = s[i]·a[i,j]", rows: true, arrays: []array{{"c", elements}, {"s", rowScalar}, {"a", elements}},
		body: func(p *prog) { p.store(0, p.mul(p.rowScalar(), p.load(2))) }},
	{name: "RowRepeat", doc: "a[i,j] = s[i]", rows: true, arrays: []array{{"a", elements}, {"s", rowScalar}},
		body: func(p *prog) { p.store(0, p.rowScalar()) }},
	{name: "RowSums", doc: "s[i] = Σ_j a[i,j], in float64", rows: true, arrays: []array{{"s", rowResult}, {"a", elements}}, sum: sum64,
		body: func(p *prog) { p.accumulate(p.load(1)) }},
	{name: "RowMax", doc: "m[i] = max_j a[i,j], −Inf of none; NaN may hide", rows: true, arrays: []array{{"m", rowResult}, {"a", elements}}, sum: maximum,
		body: func(p *prog) { p.accumulate(p.load(1)) }},
	{name: "RowExp", doc: "s[i] = Σ_j exp(a[i,j] − m[i]), where none is above m[i]", rows: true, arrays: []array{{"s", rowResult}, {"a", elements}, {"m", rowScalar}}, sum: sum32, out64: true,
		body: func(p *prog) { p.accumulate(p.expFlushed(p.sub(p.load(1), p.rowScalar()))) }},

	bernoulli(true), bernoulli(false), gaussian(true), gaussian(false),
}

// bernoulli is the distortion of pixels x under logits l, with its gradient or
// without.
func bernoulli(grad bool) kernel {
	k := kernel{name: "Bernoulli", doc: "d[i] = Σ_j softplus(l) − x·l, resid = sigmoid(l) − x",
		rows: true, sum: sum32, arrays: []array{{"d", rowResult}, {"l", elements}, {"x", elements}, {"resid", elements}}}
	if !grad {
		k.name, k.doc, k.arrays = "BernoulliValue", "d[i] = Σ_j softplus(l) − x·l", k.arrays[:3]
	}
	k.body = func(p *prog) {
		l, x := p.load(1), p.load(2)
		e := p.expFlushed(p.neg(l))
		if grad {
			p.store(3, p.sub(p.sigmoid(l, e), x))
		}
		// max(l,0) − x·l is exact for x = 0 and 1, and neither term is negative.
		p.accumulate(p.log1pPlus(e, p.fnma(x, l, p.max(p.num(0), l))))
	}
	return k
}

// gaussian is the sum of squares that a normal likelihood of fixed variance is
// made of, with its gradient or without.
func gaussian(grad bool) kernel {
	k := kernel{name: "Gaussian", doc: "d[i] = Σ_j (m−x)², resid = (m−x)·par[0]", params: 1,
		rows: true, sum: sum32, arrays: []array{{"d", rowResult}, {"m", elements}, {"x", elements}, {"resid", elements}}}
	if !grad {
		k.name, k.doc, k.arrays, k.params = "GaussianValue", "d[i] = Σ_j (m−x)²", k.arrays[:3], 0
	}
	k.body = func(p *prog) {
		r := p.sub(p.load(1), p.load(2))
		if grad {
			p.store(3, p.mul(r, p.param(0)))
		}
		p.accumulate(p.mul(r, r))
	}
	return k
}

// vectors returns the assembly of all kernels.
func vectors(sets ...isa) string {
	a := &asm{}
	for _, s := range sets {
		for i := range kernels {
			kernels[i].write(a, s)
		}
		for v := 1; v <= columns; v++ {
			columnSums(a, s, v)
		}
		grey(a, s)
		binarize(a, s)
	}
	return tables() + a.String()
}

// declarations returns the Go declarations of the assembly, and for each kernel
// a function that picks the level's; on other processors, functions that panic.
func declarations(amd64 bool) string {
	a := &asm{}
	a.WriteString("// Code generated by gen; DO NOT EDIT.\n\n")
	if !amd64 {
		a.WriteString("//go:build !amd64\n\n")
	}
	a.WriteString("package simd\n")
	if !amd64 {
		a.WriteString("\nconst noAssembly = \"simd: no assembly on this processor\"\n")
	}
	one := func(name, doc, params string) {
		fmt.Fprintf(a, "\n// vec%s computes %s.\n", name, doc)
		if !amd64 {
			var types []string
			for _, s := range strings.Split(params, ", ") {
				types = append(types, "_ "+s[strings.LastIndex(s, " ")+1:])
			}
			fmt.Fprintf(a, "func vec%s(%s) { panic(noAssembly) }\n", name, strings.Join(types, ", "))
			return
		}
		var args []string
		for _, s := range strings.Split(params, ", ") {
			args = append(args, strings.Fields(s)[0])
		}
		call := strings.Join(args, ", ")
		fmt.Fprintf(a, "func vec%s(%s) {\n\tif level == AVX512 {\n\t\tvec%s512(%s)\n\t} else {\n\t\tvec%s2(%s)\n\t}\n}\n", name, params, name, call, name, call)
		for _, s := range []isa{avx512, avx2} {
			fmt.Fprintf(a, "\n//go:noescape\nfunc vec%s%s(%s)\n", name, s.name, params)
		}
	}
	for _, k := range kernels {
		params, _ := k.signature()
		one(k.name, k.doc, params)
	}
	for v := 1; v <= columns; v++ {
		one(fmt.Sprintf("Columns%dx", v), columnsDoc(v), columnsParams)
	}
	one("Grey", greyDoc, greyParams)
	one("Binarize", binarizeDoc, binarizeParams)
	text, err := format.Source([]byte(a.String()))
	if err != nil {
		panic(err)
	}
	return string(text)
}
