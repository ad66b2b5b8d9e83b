package klreg

import (
	"fmt"
	"reflect"
	"sync"

	G "gorgonia.org/gorgonia"

	"govae/dist"
)

// Closed is a closed form of KL(q ‖ p) of batches of R distributions: it adds the
// divergence to the graph, in nats, by latent dimension, [R,Z], where it is a sum over
// dimensions (by group of as many each, where over groups), or as [R,1] where it is not.
type Closed func(q, p dist.Dist) (dims *G.Node, err error)

type pair struct{ q, p reflect.Type }

func pairOf(q, p dist.Dist) pair { return pair{reflect.TypeOf(q), reflect.TypeOf(p)} }

var table = struct {
	sync.Mutex
	forms   map[pair]Closed
	doubles map[pair]bool
}{forms: map[pair]Closed{}, doubles: map[pair]bool{}}

// Register adds a closed form to the table, for the types of q and p, whose values do not
// matter. It is called from an init function. A form that is registered twice is an error
// of KL. Check finds what is wrong with a form.
func Register(q, p dist.Dist, f Closed) {
	table.Lock()
	defer table.Unlock()
	k := pairOf(q, p)
	if f == nil {
		f = func(q, p dist.Dist) (*G.Node, error) {
			return nil, fmt.Errorf("registered without a function")
		}
	}
	if table.forms[k] != nil {
		table.doubles[k] = true
	}
	table.forms[k] = f
}

func init() {
	Register(&dist.NormalBatch{}, dist.StandardBatch{}, func(q, _ dist.Dist) (*G.Node, error) {
		return GaussianDimsNode(q.(*dist.NormalBatch).Params)
	})
	Register(&dist.NormalBatch{}, &dist.NormalBatch{}, func(q, p dist.Dist) (*G.Node, error) {
		return GaussiansDimsNode(q.(*dist.NormalBatch).Params, p.(*dist.NormalBatch).Params)
	})
}

// HasClosed reports whether the table has a closed form of KL(q ‖ p). It adds nothing to the
// graph.
func HasClosed(q, p dist.Dist) bool {
	if b, ok := p.(*dist.RepeatedBatch); ok {
		row, err := b.Family.On(G.NewMatrix(G.NewGraph(), b.Params.Dtype(), G.WithName("params"), G.WithShape(b.Params.Shape()...)))
		if _, counted := q.(rower); !counted || err != nil {
			return false
		}
		p = row
	}
	table.Lock()
	defer table.Unlock()
	return table.forms[pairOf(q, p)] != nil
}

// rower is a batch that knows its number of rows.
type rower interface{ Rows() int }

// KL adds KL(q ‖ p) to the graph by the closed form of the table: [R,Z], in nats (see
// Closed). It is an error if there is none; then Estimate is what is left. It is also an error
// if the form gives no node, or another number of rows than q tells by a method Rows() int. A
// *dist.RepeatedBatch p, such as that of a learned prior, counts as the batch of its family
// with as many rows as q has.
func KL(q, p dist.Dist) (dims *G.Node, err error) {
	if b, ok := p.(*dist.RepeatedBatch); ok {
		counted, ok := q.(rower)
		if !ok {
			return nil, fmt.Errorf("klreg: KL(%T ‖ %T): the first has no method Rows() int, so that its number of rows is not known", q, p)
		}
		if p, err = b.Repeat(counted.Rows()); err != nil {
			return nil, err
		}
	}
	table.Lock()
	k := pairOf(q, p)
	f, twice := table.forms[k], table.doubles[k]
	table.Unlock()
	switch {
	case twice:
		return nil, fmt.Errorf("klreg: two closed forms of KL(%T ‖ %T) are registered", q, p)
	case f == nil:
		return nil, fmt.Errorf("klreg: no closed form of KL(%T ‖ %T) is registered: estimate it, or register one by klreg.Register", q, p)
	}
	if dims, err = f(q, p); err != nil {
		return nil, fmt.Errorf("klreg: KL(%T ‖ %T): %w", q, p, err)
	}
	rows, counted := q.(rower)
	switch {
	case dims == nil:
		return nil, fmt.Errorf("klreg: the closed form of KL(%T ‖ %T) gives no node", q, p)
	case dims.Shape().Dims() != 2 || counted && dims.Shape()[0] != rows.Rows():
		want := "R"
		if counted {
			want = fmt.Sprint(rows.Rows())
		}
		return nil, fmt.Errorf("klreg: the closed form of KL(%T ‖ %T) has the shape %v, want [%s,Z] or [%[4]s,1]", q, p, dims.Shape(), want)
	}
	return dims, nil
}
