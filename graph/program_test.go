package graph

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// scaled is the program y = s·(a + e), with the sum of y and its gradient for a+e.
func scaled(t testing.TB, dt tensor.Dtype, rows int) *Program {
	t.Helper()
	p, err := Compile(dt, func(b *Builder) error {
		sum, err := Combine([]float64{1, 1}, b.Input("a", rows, 2), b.Random("e", "noise of e", Normal, rows, 2))
		if err != nil {
			return err
		}
		y, err := Scale(sum, b.Scalar("s", 3))
		if err != nil {
			return err
		}
		total := G.Must(G.Sum(y))
		grads, err := b.Gradients(total, sum)
		if err != nil {
			return err
		}
		b.Output("y", y)
		b.Output("total", total)
		b.Output("dsum", grads[0])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func feed(t testing.TB, p *Program, a, e []float32) {
	t.Helper()
	for name, v := range map[string][]float32{"a": a, "e": e} {
		if err := p.Load(name, 0, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Take(); err != nil {
		t.Fatal(err)
	}
}

func outputs(t testing.TB, p *Program) (y []float64, total float64) {
	t.Helper()
	y = make([]float64, 4)
	if err := Copy(p, "y", y); err != nil {
		t.Fatal(err)
	}
	total, err := p.Number("total")
	if err != nil {
		t.Fatal(err)
	}
	return y, total
}

// Inputs, scalars and outputs go by their names, in either precision; a scalar keeps its
// value until it is set; a run again is the same.
func TestProgram(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		p := scaled(t, dt, 2)
		feed(t, p, []float32{1, 2, 3, 4}, []float32{10, 20, 30, 40})
		for _, s := range []float64{3, 0.5} {
			if s != 3 {
				if err := p.Set("s", s); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := p.Run(); err != nil {
					t.Fatal(err)
				}
				if y, total := outputs(t, p); !slices.Equal(y, []float64{11 * s, 22 * s, 33 * s, 44 * s}) || total != 110*s {
					t.Errorf("%v: y %v, total %v", dt, y, total)
				}
				d := make([]float32, 4)
				if err := Copy(p, "dsum", d); err != nil || d[0] != float32(s) || d[3] != float32(s) {
					t.Errorf("%v: gradient %v, %v", dt, d, err)
				}
			}
		}
		in := p.Inputs()
		if len(in) != 2 || in[0].Name != "a" || in[0].Noise != Data || in[1].Noise != Normal || in[1].Stream != "noise of e" || !in[1].Shape.Eq(tensor.Shape{2, 2}) {
			t.Errorf("inputs %+v", in)
		}
		if !slices.Equal(p.Scalars(), []string{"s"}) || !slices.Equal(p.Outputs(), []string{"y", "total", "dsum"}) {
			t.Errorf("scalars %v, outputs %v", p.Scalars(), p.Outputs())
		}
	}
}

// While a run reads one batch, the next one may be written: it does not change the run.
func TestProgramHasTwoBuffers(t *testing.T) {
	p := scaled(t, tensor.Float32, 2)
	feed(t, p, []float32{1, 1, 1, 1}, make([]float32, 4))
	for i := range 5 {
		next := p.Input("a")
		for j := range next {
			next[j] = float32(i + 2)
		}
		clear(p.Input("e"))
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		if y, _ := outputs(t, p); y[0] != float64(3*(i+1)) || y[3] != y[0] {
			t.Errorf("run %d: %v", i, y)
		}
		if err := p.Take(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProgramErrors(t *testing.T) {
	for want, build := range map[string]func(b *Builder) error{
		`two inputs named "x"`:  func(b *Builder) error { b.Input("x", 2, 2); b.Input("x", 2, 2); return nil },
		`two inputs named "s"`:  func(b *Builder) error { b.Input("s", 2, 2); b.Scalar("s", 1); return nil },
		`two outputs named "y"`: func(b *Builder) error { x := b.Input("x", 2, 2); b.Output("y", x); b.Output("y", x); return nil },
		`output "y" is no node`: func(b *Builder) error { b.Input("x", 2, 2); b.Output("y", nil); return nil },
		"a second cost": func(b *Builder) error {
			z := G.Must(Combine([]float64{1}, b.Input("x", 2, 2)))
			for range 2 {
				if _, err := b.Gradients(G.Must(G.Sum(z)), z); err != nil {
					return err
				}
			}
			return nil
		},
		"of mine": func(*Builder) error { return fmt.Errorf("an error of mine") },
	} {
		if _, err := Compile(tensor.Float32, build); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	p := scaled(t, tensor.Float32, 2)
	_, errNumber := p.Number("none")
	_, errOutput := p.Output("none")
	for name, err := range map[string]error{"Load": p.Load("none", 0, nil), "Set": p.Set("none", 1), "Number": errNumber, "Output": errOutput} {
		if err == nil || !strings.Contains(err.Error(), `named "none"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Any number of rows is worked off as row by row, by any number of goroutines; full batches
// are read where they are, and afterwards not held.
func TestRows(t *testing.T) {
	rows := NewRows(tensor.Float32, func(b *Builder, batch int) error {
		y, err := Combine([]float64{2, 1}, b.Input("a", batch, 3), b.Input("b", batch, 3))
		b.Output("y", y)
		return err
	})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for _, n := range []int{0, 1, 2, 8, 9, 64, 500, 511, 512, 1100} {
				a, b, y := make([]float32, 3*n), make([]float32, 3*n), make([]float64, 3*n)
				for i := range a {
					a[i], b[i] = float32(i+worker), float32(2*i)
				}
				if err := rows.Run(n, map[string][]float32{"a": a, "b": b}, Collect("y", n, y)); err != nil {
					t.Error(err)
				}
				for i, v := range y {
					if want := float64(2*(i+worker) + 2*i); v != want {
						t.Errorf("%d rows: number %d is %v, want %v", n, i, v, want)
						break
					}
				}
				clear(a) // a later call must not read it
			}
		}()
	}
	all.Wait()
	for want, in := range map[string]map[string][]float32{
		"1 inputs, want 2":            {"a": make([]float32, 6)},
		"input b has 3 numbers":       {"a": make([]float32, 6), "b": make([]float32, 3)},
		"input b has 0 numbers, want": {"a": make([]float32, 6), "c": make([]float32, 6)},
	} {
		if err := rows.Run(2, in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
