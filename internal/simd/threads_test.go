package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// withProcs runs f at a number of threads.
func withProcs(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}

func TestResultsDoNotDependOnThreads(t *testing.T) {
	t.Run("float32", testThreads[float32])
	t.Run("float64", testThreads[float64])
}

func testThreads[T Float](t *testing.T) {
	ks := append(elbo[T](), layers[T]()...)
	ks = append(ks, testKernel[T]{"gemm", func(r *rand.Rand, b, w int) result[T] {
		res, _ := gemm[T](r.Uint64(), false, true, b, 65, min(w, 200), 1, 0, 0)
		return res
	}}, testKernel[T]{"adam", func(r *rand.Rand, b, w int) (res result[T]) {
		x, g, m, v := normal[T](r, b*w), normal[T](r, b*w), make([]T, b*w), make([]T, b*w)
		for range 3 {
			Adam(x, g, m, v, 1e-3, 0.9, 0.999, 1e-8, 0.1, 0.001, 1)
		}
		return result[T]{got: append(append(x, m...), v...)}
	}})
	for _, k := range ks {
		for _, s := range [][2]int{{41, 801}, {2*grain + 5, 1}} {
			var one []T
			for _, procs := range []int{1, 2, 4} {
				withProcs(procs, func() {
					got := k.run(seeded(4), s[0], s[1]).got
					if procs == 1 {
						one = got
					}
					for i := range got {
						if math.Float64bits(float64(got[i])) != math.Float64bits(float64(one[i])) {
							t.Fatalf("%s %v: element %d is %v on %d threads, %v on one", k.name, s, i, got[i], procs, one[i])
						}
					}
				})
			}
		}
	}
}

// rows covers 0 … n exactly once, and uses several cores only if it pays.
func TestRows(t *testing.T) {
	for _, procs := range []int{1, 2, 3, 4} {
		withProcs(procs, func() {
			for _, s := range [][2]int{{0, 5}, {1, 1}, {1, 100 * grain}, {2, grain}, {3, grain}, {5, 3 * grain}, {grain, 1}, {2*grain - 1, 1}, {2 * grain, 1}, {7*grain + 3, 1}} {
				n, width := s[0], s[1]
				var mu sync.Mutex
				seen, calls := make([]int, n), 0
				rows(n, width, func(lo, hi int) {
					mu.Lock()
					defer mu.Unlock()
					calls++
					for i := lo; i < hi; i++ {
						seen[i]++
					}
				})
				for i, c := range seen {
					if c != 1 {
						t.Fatalf("%d threads, %v: row %d is worked on %d times", procs, s, i, c)
					}
				}
				want := max(1, min(2*procs, n, n*width/grain))
				if n == 0 || procs == 1 {
					want = 1
				}
				if calls != want {
					t.Errorf("%d threads, %v: %d calls, want %d", procs, s, calls, want)
				}
			}
		})
	}
}

// A kernel that panics on a second core must panic in its caller, which turns it
// into an error (package graph); a panic on a goroutine of its own kills the
// process. So the test runs it in a process of its own.
func TestPanicReachesCaller(t *testing.T) {
	const env = "GOVAE_TEST_PANIC"
	if os.Getenv(env) != "" {
		runtime.GOMAXPROCS(2)
		defer func() { fmt.Println("recovered:", recover()) }()
		rows(2, grain, func(lo, hi int) {
			if lo > 0 {
				panic("on the second core")
			}
		})
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPanicReachesCaller$")
	cmd.Env = append(os.Environ(), env+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "recovered: on the second core") {
		t.Errorf("%v; output:\n%s", err, out)
	}
}
