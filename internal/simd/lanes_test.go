package simd

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// xoshiro is the reference code of xoshiro128++ 1.0 (Blackman & Vigna 2019,
// prng.di.unimi.it/xoshiro128plusplus.c), line by line.
type xoshiro [4]uint32

func (s *xoshiro) next() uint32 {
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

// The first outputs from state 1, 2, 3, 4, as rand_xoshiro 0.6 (Rust) lists them
// from the reference code.
func TestXoshiroKnownAnswer(t *testing.T) {
	want := []uint32{641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011, 621204420}
	s := xoshiro{1, 2, 3, 4}
	var l Lanes
	for k := range 16 {
		for i := range 4 {
			l.s[i][k] = uint32(i + 1)
		}
	}
	for n, w := range want {
		if got := s.next(); got != w {
			t.Errorf("reference: output %d is %d, want %d", n, got, w)
		}
		for k, got := range l.draw() {
			if got != w {
				t.Errorf("generator %d: output %d is %d, want %d", k, n, got, w)
			}
		}
	}
}

// Pixel 16n+k of a call is compared with output n of generator k, at all levels
// and lengths, without touching what is beside dst.
func TestBinarizeBits(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		r := seeded(21)
		l := NewLanes(rand.NewPCG(3, 4))
		src := rand.NewPCG(3, 4)
		var ref [16]xoshiro
		for k := range ref {
			a, b := src.Uint64(), src.Uint64()
			ref[k] = xoshiro{uint32(a), uint32(a >> 32), uint32(b), uint32(b >> 32)}
		}
		for range 2000 {
			n := r.IntN(100)
			pixels := make([]uint8, n+1)[1:]
			for i := range pixels {
				pixels[i] = uint8(r.Uint32())
			}
			dst, whole := guarded(r, 1, n, max(1, n))
			l.Binarize(dst, pixels)
			for i := range (n + 15) / 16 * 16 {
				u := ref[i%16].next()
				if i >= n {
					continue
				}
				want := float32(0)
				if uint64(u)*255 < uint64(pixels[i])<<32 {
					want = 1
				}
				if dst[i] != want {
					t.Fatalf("pixel %d of %d, grey %d, draw %d: %v, want %v", i, n, pixels[i], u, dst[i], want)
				}
			}
			for _, v := range whole {
				if v == v {
					n--
				}
			}
			if n != 0 {
				t.Fatalf("%d numbers were written beside dst", -n)
			}
		}
	})
}

// Of the 2³² draws r, exactly ⌈v·2³²/255⌉ give 1 for grey v, those below that
// number: none for 0, all for 255. The state is made to give r next.
func TestBinarizeExact(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for v := range uint64(256) {
			limit := (v<<32 + 254) / 255
			for _, r := range []uint64{0, 1, limit - 1, limit, limit + 1, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
				if r > math.MaxUint32 {
					continue
				}
				want := float32(0)
				if r < limit {
					want = 1
				}
				var l Lanes
				for k := range 16 {
					l.s[1][k], l.s[3][k] = 1, bits.RotateLeft32(uint32(r), -7)
				}
				pixels, dst := slices.Repeat([]uint8{uint8(v)}, 16), make([]float32, 16)
				l.Binarize(dst, pixels)
				for k, got := range dst {
					if got != want {
						t.Fatalf("grey %d, draw %d, generator %d: %v, want %v", v, r, k, got, want)
					}
				}
				if got := bernoulli(uint32(r), uint8(v)); got != want {
					t.Fatalf("bernoulli(%d, %d) = %v, want %v", r, v, got, want)
				}
			}
		}
	})
}

// Ones come as often as they should; a draw says nothing about its neighbour's,
// its generator's next, or the same one of a Lanes seeded a little later. Four
// comparisons at 4 standard errors: random seeds would fail in 2.5e-4 of runs.
func TestBinarizeIndependent(t *testing.T) {
	const n, grey = 1 << 20, 100
	const p = grey / 255.0
	src := rand.NewPCG(5, 6)
	a, b := NewLanes(src), NewLanes(src)
	pixels := slices.Repeat([]uint8{grey}, n)
	x, y := make([]float32, n), make([]float32, n)
	a.Binarize(x, pixels)
	b.Binarize(y, pixels)
	sums := map[string]float64{}
	for i := 16; i < n; i++ {
		d := float64(x[i]) - p
		sums["frequency"] += d
		sums["neighbours"] += d * (float64(x[i-1]) - p)
		sums["one generator"] += d * (float64(x[i-16]) - p)
		sums["two seeds"] += d * (float64(y[i]) - p)
	}
	for name, s := range sums {
		variance := n * p * (1 - p) * p * (1 - p)
		if name == "frequency" {
			variance = n * p * (1 - p)
		}
		if se := math.Sqrt(variance); math.Abs(s) > 4*se {
			t.Errorf("%s: %.0f, want 0 ± %.0f", name, s, 4*se)
		}
	}
}

// A state of zeros would stay so.
func TestLanesNeverZero(t *testing.T) {
	l := NewLanes(zeros{})
	for k := range 16 {
		if l.s[0][k]|l.s[1][k]|l.s[2][k]|l.s[3][k] == 0 {
			t.Errorf("generator %d has a state of zeros", k)
		}
	}
}

type zeros struct{}

func (zeros) Uint64() uint64 { return 0 }

func TestGreyExact(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		r := seeded(22)
		for range 500 {
			n := r.IntN(300)
			start := r.IntN(256)
			pixels := make([]uint8, n)
			for i := range pixels {
				pixels[i] = uint8(start + i)
			}
			dst, whole := guarded(r, 1, n, max(1, n))
			Grey(dst, pixels)
			for i, v := range pixels {
				if want := float32(v) / 255; dst[i] != want {
					t.Fatalf("%d of %d: %d/255 gives %v, want %v", i, n, v, dst[i], want)
				}
			}
			for _, v := range whole {
				if v == v {
					n--
				}
			}
			if n != 0 {
				t.Fatalf("%d numbers were written beside dst", -n)
			}
		}
	})
}

func TestLanesRefuseShortSlices(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for name, f := range map[string]func(){
			"binarize": func() { new(Lanes).Binarize(make([]float32, 15, 32), make([]uint8, 16)) },
			"grey":     func() { Grey(make([]float32, 31, 64), make([]uint8, 32)) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: no panic", name)
					}
				}()
				f()
			}()
		}
	})
}
