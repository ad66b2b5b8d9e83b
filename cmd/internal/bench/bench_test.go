package main

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
	if v := []float64{2, 1}; median(v) != 1.5 || v[0] != 2 {
		t.Errorf("median sorted its argument: %v", v)
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v, want NaN", got)
	}
}

func TestRatio(t *testing.T) {
	// Medians 2 and 4; pairs 4, 2, 1.
	of, pairs := ratio([]float64{1, 2, 4}, []float64{4, 4, 4})
	if of != 2 || pairs != 2 {
		t.Errorf("ratios %v and %v, want 2 and 2", of, pairs)
	}
	// Medians 3 and 6; pairs 6, 1, 2.
	of, pairs = ratio([]float64{1, 9, 3}, []float64{6, 9, 6})
	if of != 2 || pairs != 2 {
		t.Errorf("ratios %v and %v, want 2 and 2", of, pairs)
	}
	// One disturbed turn on each side.
	of, pairs = ratio([]float64{1, 1, 5}, []float64{2, 20, 15}) // medians 1, 15; pairs 2, 20, 3
	if of != 15 || pairs != 3 {
		t.Errorf("ratios %v and %v, want 15 and 3", of, pairs)
	}
}

// Disturbed rounds are repeated, and the quiet ones are kept in their order.
func TestCollect(t *testing.T) {
	for _, c := range []struct{ others, want []float64 }{
		{[]float64{0, 0.01, 0.05, 9}, []float64{0, 0.01, 0.05}},
		{[]float64{0.9, 0.02, 0.8, 0.01, 0.7, 0}, []float64{0.02, 0.01, 0}},
		{[]float64{9, 8, 7, 6, 5, 0, 3, 2, 4, 1}, []float64{0, 2, 3}}, // nine, and no more
	} {
		i := -1
		rounds, err := collect(3, func() (round, error) { i++; return round{others: c.others[i]}, nil })
		if err != nil {
			t.Fatal(err)
		}
		for j, r := range rounds {
			if len(rounds) != 3 || r.others != c.want[j] {
				t.Errorf("of %v %+v, want %v", c.others, rounds, c.want)
				break
			}
		}
	}
	if _, err := collect(3, func() (round, error) { return round{}, io.EOF }); err != io.EOF {
		t.Errorf("error %v, want %v", err, io.EOF)
	}
}

func TestGeomean(t *testing.T) {
	if got := geomean([]float64{0.5, 8}); math.Abs(got-2) > 1e-15 {
		t.Errorf("geomean(0.5, 8) = %v, want 2", got)
	}
}

// Counted by hand, weights a layer.
func TestFLOP(t *testing.T) {
	deep := architecture{784, []int{200, 200}, 50, "tanh"}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		// 784·400 + 400·40 + 20·400 + 400·784 = 651,200; all but the first: 337,600
		{"forward", defaultModel.forwardFLOP(), 2 * 651_200},
		{"training", defaultModel.trainFLOP(), 2 * (651_200 + 651_200 + 337_600)}, // 3.28 million
		// 784·200 + 200·200 + 200·100 + 50·200 + 200·200 + 200·784 = 423,600; all but the first: 266,800
		{"deep training", deep.trainFLOP(), 2 * (423_600 + 423_600 + 266_800)},
		// encoder 329,600 once, decoder 321,600 three times
		{"log p(x)", defaultModel.logLikelihoodFLOP(3), 2 * (329_600 + 3*321_600)},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v FLOP, want %v", c.name, c.got, c.want)
		}
	}
}

// The products of a training step are what trainFLOP counts.
func TestShapes(t *testing.T) {
	batches := map[int]float64{}
	for i, s := range shapes() {
		b := []int{20, 128, 512, 1000}[i/11]
		batches[b] += s.flop()
		if !strings.HasSuffix(s.name, "batch 20") && b == 20 {
			t.Errorf("%s is not of batch 20", s.name)
		}
	}
	for b, sum := range batches {
		if want := float64(b) * defaultModel.trainFLOP(); sum != want {
			t.Errorf("batch %d: products of %v FLOP, want %v", b, sum, want)
		}
	}
	s := shape{"", 1, 2, 3, true, false}
	if got, want := s.command("gemm"), "gemm m=1 n=2 k=3 ta=1 tb=0 seconds=0.05"; got != want {
		t.Errorf("command %q, want %q", got, want)
	}
}

func TestReached(t *testing.T) {
	for _, c := range []struct {
		l     line
		ours  float64
		ratio float64
		want  string
	}{
		{line{want: 2}, 1, 2, "yes"},
		{line{want: 2}, 1, 1.99, "no"},
		{line{want: 2, floor: 1.5}, 1, 1.5, "above the floor"},
		{line{want: 2, floor: 1.5}, 1, 1.4, "no"},
		{line{want: 3, most: 1.2}, 1.3, 5, "no"},
		{line{want: 3, most: 1.2}, 1.2, 3, "yes"},
	} {
		if got := reached(c.l, []float64{c.ours}, c.ratio); got != c.want {
			t.Errorf("%+v with %v and ratio %v: %q, want %q", c.l, c.ours, c.ratio, got, c.want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	r := report{
		machine: machine{CPU: "Abacus", Cores: 4, Go: "go1", Level: "avx512", Peers: []string{"Peer 1"}, Rounds: 3, Peak1: 50e9, Peak2: 100e9},
		notes:   []string{"A note."},
		results: []result{
			{line: line{name: "epoch", want: 2.8, floor: 2.2, peak: 0.5, least: 0.42, images: 1000, flop: 45e9},
				rounds: []round{{[]float64{1, 3}, nil, 100e9, 0}, {[]float64{0.9, 2.7}, nil, 100e9, 0.04}, {[]float64{1.1, 2.2}, []float64{100.5, 100.25}, 100e9, 0}}},
			{line: line{name: "memory", memory: true, want: 2, most: 350e6}, rounds: []round{{took: []float64{200e6, 500e6}, values: []float64{1, 2}}}},
			{line: line{name: "level", against: ourselves, want: 0.55}, rounds: []round{{[]float64{2, 1}, []float64{1, 1}, 0, 0.5}}},
		},
		gemms: []product{{shape{"first", 10, 10, 10, true, false}, []round{{[]float64{1e-8, 1e-9, 8e-10}, nil, 4e12, 0}}},
			{shape{"second", 10, 10, 10, false, true}, []round{{[]float64{1e-8, 1e-9, 2e-9}, nil, 4e12, 0.1}}}},
	}
	var b strings.Builder
	r.markdown(&b)
	for _, want := range []string{
		"Abacus; 4 cores, 2 used. go1, SIMD level avx512. Peer 1.\nFMA peak 50 GFLOP/s on one core, 100 on two. 3 rounds;",
		"\nA note.\n",
		"| epoch | 1 s (900 ms–1.1 s) | 2.7 s (2.2 s–3 s) | 2.70 | 3.00 | 2.8× (floor 2.2×) | above the floor | 4 % | 100.5, 100.2 |\n",
		"| memory | 200 MB (200 MB–200 MB) | 500 MB (500 MB–500 MB) | 2.50 | 2.50 | 2×, under 350 MB | yes | 0 % | 1, 2 |\n",
		"| level | 2 s (2 s–2 s) | 1 s (1 s–1 s) | 0.50 | 0.50 | 0.55× | no, disturbed | 50 % | 1, 1 |\n",
		"| epoch | 45 | 1000 | 45 (41–50) | 100 (100–100) | 45 % | 17 % | 50 % (floor 42 %) | above the floor |\n",
		"| first | 10×10×10, Aᵀ·B | 2000 (2000–2000) | 2500 (2500–2500) | 200 (200–200) | 0.80 | 10.0 | 50 % | 0 % |\n",
		"Geometric mean 1.26 times OpenBLAS, target 1.2: yes, disturbed. Lowest 0.80 (first), target 0.9: no, disturbed.",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	for _, l := range strings.Split(b.String(), "\n") {
		if strings.HasPrefix(l, "|") && !strings.HasSuffix(l, "|") {
			t.Errorf("unfinished row %q", l)
		}
	}
}

// What somebody wrote above the tables stays, and the tables are replaced.
func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	for _, c := range []struct{ old, want string }{
		{"", mark + "new\n"},
		{"no mark: all of it is tables\n", mark + "new\n"},
		{"# Prose\n\n" + mark + "old\nold\n", "# Prose\n\n" + mark + "new\n"},
	} {
		if c.old != "" {
			if err := os.WriteFile(path, []byte(c.old), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := record(path, []byte("new\n")); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != c.want {
			t.Errorf("%q became %q, want %q (%v)", c.old, got, c.want, err)
		}
	}
}

// The report stands without a peer.
func TestMarkdownWithoutPeers(t *testing.T) {
	r := report{gemms: []product{{shape: shape{"only", 10, 10, 10, false, false}, rounds: []round{{took: []float64{1e-8, 1e-9}, fma: 4e12}}}}}
	var b strings.Builder
	r.markdown(&b)
	if s := b.String(); !strings.Contains(s, "| only | 10×10×10, A·B | 2000 (2000–2000) |  | 200 (200–200) |  | 10.0 | 50 % | 0 % |") ||
		strings.Contains(s, "Against") || strings.Contains(s, "NaN") || strings.Contains(s, "OpenBLAS, target") {
		t.Errorf("without peers:\n%s", s)
	}
}

// The worker answers each line with one line, also when it can't do what it is
// asked.
func TestWorker(t *testing.T) {
	var out strings.Builder
	in := "info\nnonsense\ngemm m=3 n=4 k=5 ta=1 tb=0 seconds=0.001\ngonum m=3 n=4 k=5 ta=0 tb=1 seconds=0.001\n"
	if err := work(strings.NewReader(in), &out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	var replies []reply
	for _, l := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var r reply
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		replies = append(replies, r)
	}
	if len(replies) != 4 || replies[0].Version == "" || replies[1].Error == "" || replies[2].Seconds <= 0 || replies[3].Seconds <= 0 {
		t.Errorf("answers %+v", replies)
	}
}

// What a line asks for is what the worker trains.
func TestConfigs(t *testing.T) {
	a := args{}
	for _, kv := range strings.Fields(lines(false)[4].command)[1:] {
		k, v, _ := strings.Cut(kv, "=")
		a[k] = v
	}
	m, c := configs(a)
	if len(m.Hidden) != 2 || m.Hidden[1] != 200 || m.Latent != 50 || m.Activation != "tanh" || c.Batch != 20 || c.Limit != 24000 {
		t.Errorf("model %+v, training %+v", m, c)
	}
	if m.Validate() != nil || c.Validate() != nil {
		t.Errorf("%v, %v", m.Validate(), c.Validate())
	}
}

// Of 1, 2, …, 101 the interval of the median is that of order statistics: the 41st to the
// 61st (Efron & Tibshirani 1993, section 13.3, by the binomial distribution), give or take
// one. Of one value it is that value.
func TestInterval(t *testing.T) {
	values := make([]float64, 101)
	for i := range values {
		values[i] = float64(101 - i)
	}
	if low, high := interval(values); math.Abs(low-41) > 1 || math.Abs(high-61) > 1 {
		t.Errorf("%v to %v, want 41 to 61", low, high)
	}
	if low, high := interval([]float64{3}); low != 3 || high != 3 {
		t.Errorf("of 3: %v to %v", low, high)
	}
}
