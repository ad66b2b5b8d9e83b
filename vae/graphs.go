package vae

import (
	"sync"

	"govae/graph"
)

// graphs keeps what the methods of a model have compiled, by a name for each graph. The
// views of a model (Given) share it.
type graphs struct {
	model *Model
	mu    sync.Mutex
	rows  map[string]*graph.Rows
}

// get returns the graph of a name. build adds it for one batch size, when it is first
// asked for.
func (g *graphs) get(name string, build func(m *Model, b *graph.Builder, batch int) error) *graph.Rows {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.rows[name]
	if r == nil {
		r = graph.NewRows(g.model.dtype(), func(b *graph.Builder, batch int) error { return build(g.model, b, batch) })
		g.rows[name] = r
	}
	return r
}
