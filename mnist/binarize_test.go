package mnist

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseBinarization(t *testing.T) {
	for _, b := range []Binarization{None, Dynamic, Threshold, Fixed} {
		got, err := ParseBinarization(string(b))
		if err != nil || got != b {
			t.Errorf("%q: got %q, %v", b, got, err)
		}
		if !strings.HasPrefix(b.Label(), string(b)+" ") {
			t.Errorf("%q: label %q", b, b.Label())
		}
		if grey := b.LabelOf(false); b.LabelOf(true) != b.Label() || (grey != b.Label()) != (b == None) || strings.Contains(grey, "Bernoulli)") {
			t.Errorf("%q: of bits %q, of grey pixels %q", b, b.LabelOf(true), grey)
		}
	}
	for _, s := range []string{"", "Dynamic", "static"} {
		_, err := ParseBinarization(s)
		if err == nil || !strings.Contains(err.Error(), "want none, dynamic, threshold or fixed") {
			t.Errorf("%q: got error %v, want one that names the choices", s, err)
		}
	}
}

// The frequency of ones is v/255 for each grey level v, and neighbours are
// independent. The false-failure rate over random seeds is about 6e-5 for each
// of 256 comparisons at 4 standard errors, 1.6% in all; the seed is fixed.
func TestDynamicFrequency(t *testing.T) {
	const n = 30_000
	s := levels()
	src := rand.NewPCG(3, 4)
	row := make([]float32, 256)
	var ones [256]float64
	var product float64 // Σ (x[k]-p[k])·(x[k+1]-p[k+1]) over even k
	for range n {
		s.Fill(row, []int{0}, Dynamic, src)
		for v, x := range row {
			ones[v] += float64(x)
			if v%2 == 0 {
				product += (float64(x) - float64(v)/255) * (float64(row[v+1]) - float64(v+1)/255)
			}
		}
	}
	if ones[0] != 0 || ones[255] != n {
		t.Errorf("level 0 gave %v ones, want 0; level 255 gave %v, want %d", ones[0], ones[255], n)
	}
	var total, variance, productVariance float64
	for v := range 256 {
		p := float64(v) / 255
		if d, se := ones[v]-n*p, math.Sqrt(n*p*(1-p)); math.Abs(d) > 4*se {
			t.Errorf("level %d: %v ones, want %.0f ± %.0f", v, ones[v], n*p, 4*se)
		}
		total += ones[v] - n*p
		variance += n * p * (1 - p)
		if v%2 == 0 {
			q := float64(v+1) / 255
			productVariance += n * p * (1 - p) * q * (1 - q)
		}
	}
	if se := math.Sqrt(variance); math.Abs(total) > 4*se {
		t.Errorf("all levels: %.0f ones more than expected, want 0 ± %.0f", total, 4*se)
	}
	if se := math.Sqrt(productVariance); math.Abs(product) > 4*se {
		t.Errorf("covariance of neighbours %.0f, want 0 ± %.0f", product, 4*se)
	}
}

// lanes is what Fill promises to draw from, as plainly as it can be written: 16
// generators xoshiro128++, each seeded with two values of the source; pixel
// 16n+k of an image takes the next number of generator k.
type lanes [16][4]uint32

func newLanes(src rand.Source) (l lanes) {
	for k := range l {
		for j := range 2 {
			v := src.Uint64()
			l[k][2*j], l[k][2*j+1] = uint32(v), uint32(v>>32)
		}
	}
	return l
}

func (l *lanes) next(k int) uint32 {
	s := &l[k]
	result := bits.RotateLeft32(s[0]+s[3], 7) + s[0]
	t := s[1] << 9
	s[2] ^= s[0]
	s[3] ^= s[1]
	s[1] ^= s[2]
	s[0] ^= s[3]
	s[2] ^= t
	s[3] = bits.RotateLeft32(s[3], 11)
	return result
}

// Fill agrees with the plainest way to write down what it promises.
func TestFill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pixel := rapid.OneOf(rapid.Just(uint8(0)), rapid.Uint8())
		n, x := rapid.IntRange(1, 4).Draw(t, "n"), rapid.IntRange(1, 40).Draw(t, "x")
		s := &Set{Rows: 1, Cols: x, Labels: make([]uint8, n)}
		s.Pixels = rapid.SliceOfN(pixel, n*x, n*x).Draw(t, "pixels")
		index := rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 6).Draw(t, "index")
		b := rapid.SampledFrom([]Binarization{None, Dynamic, Threshold, Fixed}).Draw(t, "b")
		seed := rapid.Uint64().Draw(t, "seed")

		got := slices.Repeat([]float32{9}, len(index)*x) // what was there must go
		s.Fill(got, index, b, rand.NewPCG(seed, 0))

		var want []float32
		l := newLanes(rand.NewPCG(seed, 0))
		for _, i := range index {
			for k := range (x + 15) / 16 * 16 { // draws beyond the last pixel are lost
				u := float64(l.next(k%16)) / (1 << 32)
				switch {
				case k >= x:
				case b != Dynamic:
					want = append(want, float32(s.Image(i)[k])/255)
				default:
					want = append(want, map[bool]float32{true: 1}[u < float64(s.Image(i)[k])/255])
				}
			}
		}
		if diff := cmp.Diff(want, got[:len(got):len(got)]); len(want) > 0 && diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestFillDrawsAnew(t *testing.T) {
	s := levels()
	draw := func(src rand.Source) []float32 {
		row := make([]float32, 256)
		s.Fill(row, []int{0}, Dynamic, src)
		return row
	}
	src := rand.NewPCG(5, 6)
	first, second := draw(src), draw(src)
	if slices.Equal(first, second) {
		t.Error("two draws in a row are the same")
	}
	if !slices.Equal(first, draw(rand.NewPCG(5, 6))) {
		t.Error("the same seed gave another draw")
	}
}

func TestFillPanics(t *testing.T) {
	for name, fill := range map[string]func(*Set){
		"dst too short":    func(s *Set) { s.Fill(make([]float32, 3), []int{0, 1}, None, nil) },
		"dst too long":     func(s *Set) { s.Fill(make([]float32, 5), []int{0, 1}, None, nil) },
		"index too large":  func(s *Set) { s.Fill(make([]float32, 2), []int{3}, None, nil) },
		"index below zero": func(s *Set) { s.Fill(make([]float32, 2), []int{-1}, None, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			fill(three())
		}()
	}
}

func TestPrepareKeepsGrey(t *testing.T) {
	s := levels()
	for _, b := range []Binarization{None, Dynamic} {
		if s.Prepare(b, nil) != s {
			t.Errorf("%s: not the set itself", b)
		}
	}
}

func TestPrepareThreshold(t *testing.T) {
	s := levels()
	got := s.Prepare(Threshold, nil)
	for v, x := range got.Pixels {
		if want := uint8(255 * (v / 128)); x != want {
			t.Errorf("level %d became %d, want %d", v, x, want)
		}
	}
	if diff := cmp.Diff(levels(), s); diff != "" {
		t.Errorf("the set was changed (-want +got):\n%s", diff)
	}
}

// A fixed set is one dynamic draw, kept.
func TestPrepareFixed(t *testing.T) {
	_, _, s := loadOfficial(t)
	s = s.Slice(0, 100)
	grey := slices.Clone(s.Pixels)
	index := make([]int, s.Len())
	for i := range index {
		index[i] = i
	}
	fixed := s.Prepare(Fixed, rand.NewPCG(7, 8))

	want, got := make([]float32, len(s.Pixels)), make([]float32, len(s.Pixels))
	s.Fill(want, index, Dynamic, rand.NewPCG(7, 8))
	for range 2 { // the same at each use
		fixed.Fill(got, index, Fixed, nil)
		if !slices.Equal(want, got) {
			t.Error("not the draw of its source")
		}
	}
	for k, v := range fixed.Pixels {
		if v != 0 && v != 255 {
			t.Fatalf("pixel %d is %d, want 0 or 255", k, v)
		}
	}
	if slices.Equal(fixed.Pixels, s.Prepare(Fixed, rand.NewPCG(7, 9)).Pixels) {
		t.Error("another seed gave the same draw")
	}
	if !slices.Equal(grey, s.Pixels) {
		t.Error("the set was changed")
	}
	if fixed.Name != s.Name || &fixed.Labels[0] != &s.Labels[0] {
		t.Error("name or labels are not those of the set")
	}
}

func benchmarkFill(b *testing.B, how Binarization) {
	const batch = 128
	_, train, _ := loadOfficial(b)
	dst := make([]float32, batch*train.Size())
	index := make([]int, batch)
	src := rand.NewPCG(1, 2)
	i := 0
	b.SetBytes(int64(len(dst)))
	for b.Loop() {
		for k := range index {
			index[k] = i % train.Len()
			i++
		}
		train.Fill(dst, index, how, src)
	}
}

func BenchmarkFillDynamic(b *testing.B) { benchmarkFill(b, Dynamic) }
func BenchmarkFillGrey(b *testing.B)    { benchmarkFill(b, None) }
