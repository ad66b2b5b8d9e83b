package train

import (
	"slices"
	"testing"

	"govae/mnist"
	"govae/vae"
)

// Each epoch has every image once, in an order of its own; each step has noise of
// its own; and a step's batch is the same whatever was made before it.
func TestFeed(t *testing.T) {
	const n = 50 // image i is grey i all over
	set := &mnist.Set{Name: "greys", Rows: 2, Cols: 2, Pixels: make([]uint8, 4*n), Labels: make([]uint8, n)}
	for i := range set.Pixels {
		set.Pixels[i] = uint8(i / 4)
	}
	mc, c := vae.DefaultConfig(), DefaultConfig()
	mc.Rows, mc.Cols, mc.Hidden, mc.Latent = 2, 2, []int{3}, 2
	c.Batch, c.Binarize = 20, mnist.None
	m, err := vae.New(mc)
	if err != nil {
		t.Fatal(err)
	}
	newFeed := func() *task {
		t.Helper()
		task, err := newTask(m, Data{Train: set}, c, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		if err := task.loop.start(); err != nil {
			t.Fatal(err)
		}
		return task
	}
	// content returns a step's images and noise, which lie in the program's inputs
	// until the batch is taken.
	content := func(f *task, step int) (images []int, eps []float32) {
		if err := f.loop.prepare(step); err != nil {
			t.Fatal(err)
		}
		f.loop.ahead.work.Wait()
		b := f.loop.ahead.batch
		for i := range b.Rows {
			images = append(images, int(b.Program.Input("x")[4*i]*255+0.5))
		}
		eps = slices.Clone(b.Program.Input("eps"))
		if _, err := f.loop.take(step); err != nil {
			t.Fatal(err)
		}
		return images, eps
	}
	f := newFeed()
	var orders [][]int
	var noise [][]float32
	for epoch := range 3 {
		var order []int
		for s := range 3 {
			images, eps := content(f, 3*epoch+s)
			order = append(order, images...)
			noise = append(noise, eps[:20]) // of the smallest batch
		}
		sorted := slices.Sorted(slices.Values(order))
		for i, v := range sorted {
			if v != i {
				t.Fatalf("epoch %d has images %v", epoch, sorted)
			}
		}
		orders = append(orders, order)
	}
	for i := range orders {
		for j := range i {
			if slices.Equal(orders[i], orders[j]) {
				t.Errorf("epochs %d and %d have one order", j, i)
			}
		}
	}
	for i := range noise {
		for j := range i {
			if slices.Equal(noise[i], noise[j]) {
				t.Errorf("steps %d and %d have the same noise", j, i)
			}
		}
	}
	images, eps := content(newFeed(), 7)
	if !slices.Equal(images, orders[2][20:40]) || !slices.Equal(eps[:20], noise[7]) {
		t.Error("step 7 alone is not step 7 after others")
	}
}
