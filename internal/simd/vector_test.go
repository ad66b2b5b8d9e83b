package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

// What is tested of float32 at the level in use, tested at each level.
func TestVectorLevels(t *testing.T) {
	for name, f := range map[string]func(t *testing.T){
		"kernels": testKernels[float32], "threads": testThreads[float32], "adam": testAdam[float32],
		"adam denormals": TestAdamFlushesDenormals, "adam NaN": TestAdamShowsNaN, "sum of squares": TestSumSquares,
		"KL never negative": TestGaussianKLNeverNegative, "logit extremes": TestLogitExtremes,
		"activation extremes": TestActivationExtremes,
	} {
		t.Run(name, func(t *testing.T) { atLevels(t, f) })
	}
}

// vectorKernel is a kernel on slices of the given kinds: e [B,W], r [B], w [W].
type vectorKernel struct {
	name      string
	outs, ins string
	run       func(out, in [][]float32)
}

func vectorKernels() []vectorKernel {
	ks := []vectorKernel{
		{"exp", "e", "e", func(o, i [][]float32) { Exp(o[0], i[0]) }},
		{"log1p", "e", "e", func(o, i [][]float32) { Log1p(o[0], i[0]) }},
		{"softplus", "e", "e", func(o, i [][]float32) { SoftplusOf(o[0], i[0]) }},
		{"sigmoid", "e", "e", func(o, i [][]float32) { Sigmoid(o[0], i[0]) }},
		{"tanh", "e", "e", func(o, i [][]float32) { TanhOf(o[0], i[0]) }},
		{"mul", "e", "ee", func(o, i [][]float32) { Mul(o[0], i[0], i[1]) }},
		{"reparameterize", "e", "eee", func(o, i [][]float32) { Reparameterize(o[0], i[0], i[1], i[2]) }},
		{"reparameterizeGrad", "e", "eee", func(o, i [][]float32) { ReparameterizeGrad(o[0], i[0], i[1], i[2]) }},
		{"gaussianKL", "e", "ee", func(o, i [][]float32) { GaussianKL(o[0], i[0], i[1]) }},
		{"gaussianKLGrad", "e", "ee", func(o, i [][]float32) { GaussianKLGrad(o[0], i[0], i[1]) }},
		{"rowScale", "e", "re", func(o, i [][]float32) { RowScale(o[0], i[0], i[1]) }},
		{"rowRepeat", "e", "r", func(o, i [][]float32) { RowRepeat(o[0], i[0]) }},
		{"rowSums", "r", "e", func(o, i [][]float32) { RowSums(o[0], i[0]) }},
		{"logSumExpRows", "r", "e", func(o, i [][]float32) { LogSumExpRows(o[0], i[0]) }},
		{"bernoulli", "re", "ee", func(o, i [][]float32) { Bernoulli(o[0], o[1], i[0], i[1]) }},
		{"bernoulliValue", "r", "ee", func(o, i [][]float32) { Bernoulli(o[0], nil, i[0], i[1]) }},
		{"gaussian", "re", "ee", func(o, i [][]float32) { Gaussian(o[0], o[1], i[0], i[1], 0.09) }},
		{"gaussianValue", "r", "ee", func(o, i [][]float32) { Gaussian(o[0], nil, i[0], i[1], 0.09) }},
		{"adam", "eee", "eeee", func(o, i [][]float32) {
			for k := range o {
				copy(o[k], i[k])
			}
			for k, v := range i[2] {
				o[2][k] = v * v
			}
			Adam(o[0], i[3], o[1], o[2], 1e-3, 0.9, 0.999, 1e-8, 0.1, 0.001, 0.5)
		}},
	}
	for act, name := range activationNames {
		ks = append(ks, vectorKernel{"biasActivate/" + name, "e", "ew", func(o, i [][]float32) {
			copy(o[0], i[0])
			BiasActivate(o[0], i[1], act)
		}}, vectorKernel{"activationGrad/" + name, "e", "ee", func(o, i [][]float32) { ActivationGrad(o[0], i[0], i[1], act) }})
	}
	return ks
}

// wide returns numbers of many sizes and, if special, some that are not numbers.
func wide(r *rand.Rand, x []float32, special bool) {
	odd := []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-40, 800, -800, 1, -1, 0x1p-126, 1e30,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	for i := range x {
		x[i] = float32(r.NormFloat64() * 10)
		if special && r.IntN(8) == 0 {
			x[i] = odd[r.IntN(len(odd))]
		}
	}
}

// A kernel reads and writes its slices and nothing beside them, at any alignment
// and any size, none included; and an element, or a row, has the same bits
// whatever is computed beside it.
func TestVectorSlices(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for _, k := range vectorKernels() {
			t.Run(k.name, func(t *testing.T) {
				r := seeded(11)
				for c := range 150 {
					b, w := r.IntN(6), r.IntN(70)
					switch c {
					case 0:
						b, w = 1, 3*vectorGrain+5
					case 1:
						b, w = 67, 785
					case 2:
						b, w = 5, 2*vectorGrain
					}
					checkSlices(t, k, r, b, w, c%3 == 0)
				}
			})
		}
	})
}

func checkSlices(t *testing.T, k vectorKernel, r *rand.Rand, b, w int, special bool) {
	t.Helper()
	size := func(kind byte, rows int) int { return map[byte]int{'e': rows * w, 'r': rows, 'w': w}[kind] }
	type band struct {
		inner, whole []float32
		before       []uint32
	}
	var bands []band
	make32 := func(n int) []float32 {
		inner, whole := guarded(r, 1, n, max(1, n))
		bands = append(bands, band{inner: inner, whole: whole})
		return inner
	}
	var in, out [][]float32
	for _, kind := range []byte(k.ins) {
		in = append(in, make32(size(kind, b)))
		wide(r, in[len(in)-1], special)
	}
	inputs := len(bands)
	for i := range bands {
		bands[i].before = bitsOf(bands[i].whole)
	}
	for _, kind := range []byte(k.outs) {
		out = append(out, make32(size(kind, b)))
	}
	k.run(out, in)
	for i, g := range bands {
		now := bitsOf(g.whole)
		if i < inputs {
			for j := range now {
				if now[j] != g.before[j] {
					t.Fatalf("%d×%d: input %d was changed", b, w, i)
				}
			}
			continue
		}
		numbers := 0
		nan := math.Float32bits(float32(math.NaN()))
		for _, u := range now {
			if u != nan {
				numbers++
			}
		}
		for _, u := range bitsOf(g.inner) {
			if u != nan {
				numbers--
			}
		}
		if numbers != 0 {
			t.Fatalf("%d×%d: %d numbers were written beside output %d", b, w, numbers, i-inputs)
		}
	}
	if b == 0 {
		return
	}
	// The same again, some rows at a time, elsewhere in memory.
	for lo := 0; lo < b; {
		hi := lo + 1 + r.IntN(b-lo)
		part := func(s []float32, kind byte) []float32 {
			switch kind {
			case 'e':
				return s[lo*w : hi*w]
			case 'r':
				return s[lo:hi]
			}
			return s
		}
		var pin, pout [][]float32
		for i, kind := range []byte(k.ins) {
			p := part(in[i], kind)
			s, _ := guarded(r, 1, len(p), max(1, len(p)))
			copy(s, p)
			pin = append(pin, s)
		}
		for _, kind := range []byte(k.outs) {
			n := size(kind, hi-lo)
			s, _ := guarded(r, 1, n, max(1, n))
			pout = append(pout, s)
		}
		k.run(pout, pin)
		for i, kind := range []byte(k.outs) {
			want := part(out[i], kind)
			for j, v := range pout[i] {
				if math.Float32bits(v) != math.Float32bits(want[j]) && (v == v || want[j] == want[j]) {
					t.Fatalf("%d×%d, rows %d to %d: element %d of output %d is %v, among all rows %v", b, w, lo, hi, j, i, v, want[j])
				}
			}
		}
		lo = hi
	}
}

func bitsOf(x []float32) []uint32 {
	b := make([]uint32, len(x))
	for i, v := range x {
		b[i] = math.Float32bits(v)
	}
	return b
}

// At every level specials give what the portable code gives: NaN where it does,
// and infinities. (Elsewhere results differ in the last bits; the Adam of the
// faster levels takes denormal numbers for zero, which cannot show here.)
func TestVectorSpecials(t *testing.T) {
	for _, k := range vectorKernels() {
		t.Run(k.name, func(t *testing.T) {
			want := map[int][]float32{}
			atLevels(t, func(t *testing.T) {
				r := seeded(12)
				for c := range 60 {
					b, w := 1+r.IntN(4), 1+r.IntN(40)
					n := map[byte]int{'e': b * w, 'r': b, 'w': w}
					var in, out [][]float32
					for _, kind := range []byte(k.ins) {
						x := make([]float32, n[byte(kind)])
						wide(r, x, true)
						in = append(in, x)
					}
					if k.name == "activationGrad/softplus" { // of an output of softplus
						for i, v := range in[1] {
							in[1][i] = float32(math.Abs(float64(v)))
						}
					}
					var got []float32
					for _, kind := range []byte(k.outs) {
						out = append(out, make([]float32, n[byte(kind)]))
					}
					k.run(out, in)
					for _, o := range out {
						got = append(got, o...)
					}
					if level == Portable {
						want[c] = got
						continue
					}
					for i, v := range got {
						p := want[c][i]
						d := math.Abs(float64(v) - float64(p))
						if (v != v) != (p != p) || (math.IsInf(float64(v), 0) || math.IsInf(float64(p), 0)) && v != p || d > 1e-5*(math.Abs(float64(p))+20) {
							t.Fatalf("%d×%d: output %d is %v, portable %v", b, w, i, v, p)
						}
					}
				}
			})
		})
	}
}

// Columns are summed row by row at all levels, so all give the same bits.
func TestColumnSumsBits(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		r := seeded(13)
		for c := range 300 {
			b, w := r.IntN(20), 1+r.IntN(400)
			if c < 3 {
				b, w = 128, []int{784, 400, 2000}[c]
			}
			da, _ := guarded(r, b, w, w)
			db, whole := guarded(r, 1, w, w)
			ColumnSums(db, da)
			for j := range w {
				sum := float32(0)
				for i := range b {
					sum += da[i*w+j]
				}
				if db[j] != sum {
					t.Fatalf("%d×%d: column %d gives %v, want %v", b, w, j, db[j], sum)
				}
			}
			for _, v := range whole {
				if v == v {
					w--
				}
			}
			if w != 0 {
				t.Fatalf("%d numbers were written beside the sums", -w)
			}
		}
	})
}

// The sum of squares is that of float64, NaN and infinities show wherever they
// are, and the number of threads makes no difference.
func TestSumSquaresSizes(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		r := seeded(14)
		for _, n := range []int{0, 1, 7, 8, 15, 16, 17, 100, 2*vectorGrain - 1, 2*vectorGrain + 1, 100_003, maxParts*2*vectorGrain + 77} {
			x, _ := guarded(r, 1, n, max(1, n))
			want := 0.0
			for _, v := range x {
				want += float64(v) * float64(v)
			}
			got := SumSquares(x)
			if math.Abs(got-want) > 1e-12*want { // of at most 1e6 roundings of 1e-16, mostly cancelling
				t.Errorf("%d numbers: %v, want %v", n, got, want)
			}
			for _, procs := range []int{1, 2, 4} {
				withProcs(procs, func() {
					if again := SumSquares(x); again != got {
						t.Errorf("%d numbers: %v on %d threads, %v before", n, again, procs, got)
					}
				})
			}
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				for range 5 {
					if n == 0 {
						break
					}
					i := r.IntN(n)
					was := x[i]
					x[i] = float32(bad)
					if s := SumSquares(x); !math.IsInf(s, 1) && s == s {
						t.Errorf("%d numbers: %v at %d does not show in %v", n, bad, i, s)
					}
					x[i] = was
				}
			}
		}
	})
}

// The distortion's error, over rows of the size of an image and logits of every
// kind, in parts of the distortion itself.
func TestBernoulliError(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		r := seeded(15)
		const b, w = 64, 784
		l, x, d, resid := make([]float32, b*w), make([]float32, b*w), make([]float32, b), make([]float32, b*w)
		worst, worstResid := 0.0, 0.0
		for _, scale := range []float64{0.01, 1, 3, 10, 30, 100} {
			for _, grey := range []bool{false, true} {
				for i := range l {
					l[i] = float32(r.NormFloat64() * scale)
					x[i] = float32(r.IntN(2))
					if grey {
						x[i] = float32(r.IntN(256)) / 255
					} else if r.IntN(10) > 0 { // what a trained model says: mostly right
						x[i] = 0
						if l[i] > 0 {
							x[i] = 1
						}
					}
				}
				Bernoulli(d, resid, l, x)
				for i := range d {
					want := 0.0
					for j := i * w; j < (i+1)*w; j++ {
						v, p := float64(l[j]), float64(x[j])
						want += max(v, 0) - p*v + math.Log1p(math.Exp(-math.Abs(v)))
						worstResid = max(worstResid, math.Abs(float64(resid[j])-(1/(1+math.Exp(-v))-p)))
					}
					worst = max(worst, math.Abs(float64(d[i])-want)/want)
				}
			}
		}
		t.Logf("distortion within %.2g of itself, gradient within %.2g", worst, worstResid)
		if !(worst <= 5e-7 && worstResid <= 2e-7) {
			t.Errorf("distortion within %.2g of itself, want 5e-7; gradient within %.2g, want 2e-7", worst, worstResid)
		}
	})
}

// Adam leaves the processor's treatment of denormal numbers as it was, and takes
// those it is given for zero.
func TestAdamKeepsMode(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for _, n := range []int{1, 16, 31, 1000} {
			w, m, v := make([]float32, n), make([]float32, n), make([]float32, n)
			g := make([]float32, n)
			for i := range g {
				w[i], g[i], m[i], v[i] = 1, 1e-42, -1e-41, 1e-40
			}
			Adam(w, g, m, v, 1, 0.9, 0.999, 1e-8, 1, 1, 1)
			if d := denormal / 2; d == 0 { // the result is denormal, and so is what goes in
				t.Fatalf("n = %d: denormal numbers are flushed after Adam", n)
			}
			for i := range w {
				if w[i] != 1 || m[i] != 0 || v[i] != 0 {
					t.Fatalf("n = %d: weight %v, moments %v and %v, want 1, 0 and 0", n, w[i], m[i], v[i])
				}
			}
		}
	})
}

var denormal = float32(1e-40) // a variable, so that the processor divides it

// Kernels work side by side.
func TestVectorFromSeveralGoroutines(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		const b, w = 32, 785
		r := seeded(16)
		l, x := normal[float32](r, b*w), normal[float32](r, b*w)
		wantD, wantR := make([]float32, b), make([]float32, b*w)
		Bernoulli(wantD, wantR, l, x)
		norm := SumSquares(l)
		var wg sync.WaitGroup
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				d, resid := make([]float32, b), make([]float32, b*w)
				for range 50 {
					Bernoulli(d, resid, l, x)
					for i := range d {
						if d[i] != wantD[i] || resid[i*w] != wantR[i*w] {
							t.Errorf("row %d: %v and %v, want %v and %v", i, d[i], resid[i*w], wantD[i], wantR[i*w])
							return
						}
					}
					if s := SumSquares(l); s != norm {
						t.Errorf("sum of squares %v, want %v", s, norm)
						return
					}
				}
			}()
		}
		wg.Wait()
	})
}

// Slices that are too short are refused before assembly sees them.
func TestVectorRefusesShortSlices(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		if level == Portable {
			return // Go looks after its own
		}
		for _, k := range vectorKernels() {
			// The length of a row follows from the first input; identity copies.
			if k.outs[0] == 'r' || k.name == "activationGrad/identity" {
				continue
			}
			for short := range len(k.ins) {
				if (k.ins[short] != 'e') || k.name == "rowScale" || k.name[0] == 'b' || k.name[:3] == "ada" {
					continue // likewise, or the test copies it
				}
				in, out := [][]float32{}, [][]float32{make([]float32, 40)}
				for i := range k.ins {
					n := 40
					if i == short {
						n = 39
					}
					in = append(in, make([]float32, n, 64))
				}
				if k.name[:2] == "ac" && short == 1 { // y decides
					continue
				}
				func() {
					defer func() {
						if recover() == nil {
							t.Errorf("%s: no panic at input %d", k.name, short)
						}
					}()
					k.run(out, in)
				}()
			}
		}
	})
}

// A kernel allocates nothing (a little may come from a pool that was emptied).
func TestVectorAllocatesNothing(t *testing.T) {
	if level == Portable {
		t.Skip("portable kernels allocate")
	}
	const b, w = 64, 784
	x, y, d := make([]float32, b*w), make([]float32, b*w), make([]float32, b)
	for name, f := range map[string]func(){
		"bernoulli":  func() { Bernoulli(d, y, x, x) },
		"adam":       func() { Adam(x, x, y, y, 0, 0, 0, 1, 1, 1, 1) },
		"sums":       func() { SumSquares(x) },
		"columns":    func() { ColumnSums(x[:w], y) },
		"activation": func() { ActivationGrad(y, y, x, ReLU) },
		"exp":        func() { Exp(y, x) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestLogSumExpRows(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	atLevels(t, func(t *testing.T) {
		r := seeded(17)
		for _, k := range []int{1, 2, 7, 16, 50, 129, 5000} {
			for _, shift := range []float64{0, 700, -30000, 1e30} {
				const b = 5
				a := make([]float32, b*k)
				for i := range a {
					a[i] = float32(shift + 20*r.NormFloat64())
				}
				got, rounded := make([]float64, b), make([]float32, b)
				LogSumExpRows(got, a)
				LogSumExpRows(rounded, a)
				for i := range got {
					var most, sum float64 = math.Inf(-1), 0
					for _, v := range a[i*k : (i+1)*k] {
						most = max(most, float64(v))
					}
					for _, v := range a[i*k : (i+1)*k] {
						sum += math.Exp(float64(v) - most)
					}
					want := most + math.Log(sum)
					if math.Abs(got[i]-want) > 5e-7+1e-15*math.Abs(want) || rounded[i] != float32(got[i]) {
						t.Errorf("K = %d about %v: %v and %v, want %v", k, shift, got[i], rounded[i], want)
					}
				}
			}
		}
		for _, tt := range []struct {
			a    []float64
			want float64
		}{
			{nil, -inf}, {[]float64{-inf, -inf}, -inf}, {[]float64{-inf, 3}, 3}, {[]float64{inf, 3}, inf},
			{[]float64{inf, nan}, nan}, {[]float64{nan, 1}, nan}, {[]float64{1, nan}, nan}, {[]float64{-inf, nan}, nan},
			{[]float64{0, 0}, math.Ln2}, {[]float64{inf, inf}, inf},
		} {
			a32 := make([]float32, len(tt.a))
			for i, v := range tt.a {
				a32[i] = float32(v)
			}
			l32, l64 := []float64{7}, []float64{7}
			LogSumExpRows(l32, a32)
			LogSumExpRows(l64, tt.a)
			if !same(l32[0], tt.want, 1e-15) || !same(l64[0], tt.want, 1e-15) {
				t.Errorf("%v: %v and %v, want %v", tt.a, l32[0], l64[0], tt.want)
			}
		}
	})
}

func ExampleLogSumExpRows() {
	l := make([]float64, 2)
	LogSumExpRows(l, []float32{1000, 1000, -1000, -1000})
	fmt.Printf("%.4f\n", l)
	// Output: [1000.6931 -999.3069]
}
