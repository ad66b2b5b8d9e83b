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

// While a run reads one batch, another goroutine may write the next one: it does not change
// the run, and the race detector (go test -race) finds nothing.
func TestProgramHasTwoBuffers(t *testing.T) {
	p := scaled(t, tensor.Float32, 2)
	feed(t, p, []float32{1, 1, 1, 1}, make([]float32, 4))
	for i := range 5 {
		filled := make(chan bool)
		go func() {
			next := p.Input("a")
			for j := range next {
				next[j] = float32(i + 2)
			}
			clear(p.Input("e"))
			close(filled)
		}()
		err := p.Run()
		<-filled
		if err != nil {
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
		`output "y" is a node of another graph`: func(b *Builder) error {
			b.Output("y", G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithName("y"), G.WithShape(1, 1)))
			return nil
		},
		"differentiate the cost: no node": func(b *Builder) error { _, err := b.Gradients(nil, b.Input("x", 2, 2)); return err },
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
	_, errSeveral := p.Number("y")
	_, errOutput := p.Output("none")
	for want, err := range map[string]error{
		`no input named "none", but a, e`:             p.Load("none", 0, nil),
		`no scalar named "none", but s`:               p.Set("none", 1),
		`no output named "none", but y, total, dsum`:  errOutput,
		"output y has the shape (2, 2), want one num": errSeveral,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if errNumber == nil || errNumber.Error() != errOutput.Error() {
		t.Errorf("Number: %v", errNumber)
	}
	bare, err := Compile(tensor.Float32, func(b *Builder) error { b.Input("x", 2, 2); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := bare.Set("none", 1); err == nil || !strings.Contains(err.Error(), `no scalar named "none": there is none`) {
		t.Errorf("no scalars: %v", err)
	}
}

// Load writes rows where it is told to, and refuses those that do not fit, in either
// precision.
func TestLoad(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		p := scaled(t, dt, 2)
		feed(t, p, make([]float32, 4), make([]float32, 4))
		for row, src := range [][]float32{{1, 2, 3, 4}, {5, 6}, nil} {
			if err := p.Load("a", row, src); err != nil {
				t.Errorf("%v: row %d: %v", dt, row, err)
			}
		}
		for row, src := range map[int][]float32{-1: {9, 9}, 0: {9, 9, 9, 9, 9}, 1: {9, 9, 9}, 2: {9}, 3: nil} {
			if err := p.Load("a", row, src); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d numbers from row %d of input a", len(src), row)) {
				t.Errorf("%v: row %d: %v", dt, row, err)
			}
		}
		if err := p.Load("e", 0, make([]float32, 4)); err != nil {
			t.Fatal(err)
		}
		if err := p.Take(); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		if y, _ := outputs(t, p); !slices.Equal(y, []float64{3, 6, 15, 18}) {
			t.Errorf("%v: %v", dt, y)
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
	for worker := range 8 {
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
		"1 inputs of rows for a graph of 2":       {"a": make([]float32, 6)},
		"input b has 3 numbers, want 2 rows of 3": {"a": make([]float32, 6), "b": make([]float32, 3)},
		"no rows of input b, but of a, c":         {"a": make([]float32, 6), "c": make([]float32, 6)},
	} {
		if err := rows.Run(2, in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// Full batches of float32 are read where they are, and what is left over is not. float64
// reads neither. Afterwards no program holds the caller's memory.
func TestRowsReadInPlace(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		var from *float32 // where the last batch was read
		look := Kernel{
			F32: func(out []float32, in [][]float32) { from = &in[0][0]; copy(out, in[0]) },
			F64: func(out []float64, in [][]float64) { from = nil; copy(out, in[0]) },
		}
		rows := NewRows(dt, func(b *Builder, batch int) error {
			y, err := Compute("look", nil, look, b.Input("x", batch, 3))
			b.Output("y", y)
			return err
		})
		x, y := make([]float32, 3*523), make([]float64, 3*523)
		for i := range x {
			x[i] = float32(i)
		}
		var batches []int
		err := rows.Run(523, map[string][]float32{"x": x}, Collect("y", 523, y), func(lo, hi int, p *Program) error {
			batches = append(batches, lo, hi)
			full := p.Inputs()[0].Shape[0] == hi-lo
			if (from == &x[3*lo]) != (full && dt == tensor.Float32) {
				t.Errorf("%v: rows %d to %d are read at %p, and are at %p", dt, lo, hi, from, &x[3*lo])
			}
			return nil
		})
		if err != nil || !slices.Equal(batches, []int{0, 512, 512, 523}) {
			t.Errorf("%v: batches %v, %v", dt, batches, err)
		}
		for i, v := range y {
			if v != float64(i) {
				t.Fatalf("%v: number %d is %v", dt, i, v)
			}
		}
		for _, batch := range []int{64, 512} {
			p, err := rows.Get(batch)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Run(); err != nil {
				t.Fatal(err)
			}
			if from == &x[0] || p.inputs[0].node.Value() != G.Value(p.inputs[0].side[0]) {
				t.Errorf("%v: the program of %d rows holds the rows of the run before", dt, batch)
			}
		}
	}
}

// No rows are no batch; an error of a function ends the run; a graph must have inputs of
// one row each.
func TestRowsRefuse(t *testing.T) {
	build := func(shape func(batch int) []int) *Rows {
		return NewRows(tensor.Float32, func(b *Builder, batch int) error {
			s := shape(batch)
			if s == nil {
				y, err := Compute("y", tensor.Shape{1}, Both(pass[float32], pass[float64]), b.Scalar("s", 1))
				b.Output("y", y)
				return err
			}
			y, err := Combine([]float64{1}, b.Input("x", s...))
			b.Output("y", y)
			return err
		})
	}
	good := build(func(batch int) []int { return []int{batch, 2} })
	calls := 0
	count := func(int, int, *Program) error { calls++; return fmt.Errorf("an error of mine") }
	if err := good.Run(0, map[string][]float32{"x": {}}, count); err != nil || calls != 0 {
		t.Errorf("no rows: %d calls, %v", calls, err)
	}
	if err := good.Run(600, map[string][]float32{"x": make([]float32, 1200)}, count); err == nil || err.Error() != "an error of mine" || calls != 1 {
		t.Errorf("an error: %d calls, %v", calls, err)
	}
	twice := build(func(batch int) []int { return []int{2 * batch, 1} })
	if err := twice.Run(8, map[string][]float32{"x": make([]float32, 8)}); err == nil || !strings.Contains(err.Error(), "input x of shape (16, 1) in a graph of 8 rows") {
		t.Errorf("two rows a row: %v", err)
	}
	if err := build(func(int) []int { return nil }).Run(1, nil); err == nil || !strings.Contains(err.Error(), "0 inputs of rows for a graph of 0") {
		t.Errorf("no inputs: %v", err)
	}
}
