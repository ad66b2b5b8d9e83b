package vae

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
	"govae/internal/stream"
)

func flowing(layers int) Config {
	cfg := tiny()
	cfg.Flow = layers
	return cfg
}

// Importance weights of a posterior with a flow give the log p(x) of a grid over z,
// which knows nothing of q (TestLogLikelihoodOnGrid). A flow whose log|det| were
// wrong, or of which it were left out, could not.
func TestFlowLogLikelihoodOnGrid(t *testing.T) {
	checkOnGrid(t, louder(noisy(new64(t, flowing(2))), 4), 3)
}

// mutant is a flow whose log|det| is multiplied by a factor that it must not have.
type mutant struct {
	dist.Flow
	factor float64
}

func (f mutant) Transform(z0, cond *G.Node) (z, logDet *G.Node, err error) {
	if z, logDet, err = f.Flow.Transform(z0, cond); err != nil {
		return nil, nil, err
	}
	logDet, err = graph.Combine([]float64{f.factor}, logDet)
	return z, logDet, err
}

// With log|det| left out, or its sign turned, the estimate is off the true one by far
// more than its error.
func TestFlowMutants(t *testing.T) {
	const n = 3
	logp := func(factor float64) []float64 {
		m := louder(noisy(new64(t, flowing(2))), 4)
		m.q[0].Family = dist.Transformed{Base: dist.Normal{}, Flow: mutant{flowOf(m), factor}}
		x, _ := binary(m, n)
		l, err := m.LogLikelihood(context.Background(), x, 5000, 1)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	truth := logp(1) // TestFlowLogLikelihoodOnGrid
	for _, factor := range []float64{0, -1} {
		for i, l := range logp(factor) {
			if math.Abs(l-truth[i]) < 0.1 {
				t.Errorf("log|det| times %v, image %d: %v, the truth is %v", factor, i, l, truth[i])
			}
		}
	}
}

// A new flow changes nothing: the model of one seed has the same weights beside it,
// and the same bound.
func TestNewFlowChangesNothing(t *testing.T) {
	with, without := new64(t, flowing(3)), new64(t, tiny())
	for i, p := range without.Params() {
		if q := with.Params()[i]; !slices.Equal(p.Names, q.Names) || !slices.Equal(data64(p), data64(q)) {
			t.Errorf("%v: other weights with a flow", p.Names)
		}
	}
	const batch = 4
	x, _ := binary(with, batch)
	var loss [2]float64
	for i, m := range []*Model{with, without} {
		loss[i], _, _ = newStepper(t, m, batch, Objective{Name: "iwae", K: 3}).run(x, 1, stream.New(1, stream.Eps, 0))
	}
	if math.Abs(loss[0]-loss[1]) > 1e-13*loss[1] {
		t.Errorf("loss %v with a flow, %v without", loss[0], loss[1])
	}
}

// Transform, Center and Reconstruct go through the flow.
func TestFlowInference(t *testing.T) {
	m, err := New(flowing(2))
	if err != nil {
		t.Fatal(err)
	}
	noisy(m)
	const n = 9
	x, _ := binary(m, n)
	mu, logvar, err := m.Encode(x)
	if err != nil {
		t.Fatal(err)
	}
	center, err := m.Center(x)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0.0
	for i := range n {
		lo, hi := i*m.latent, (i+1)*m.latent
		want, _ := flowOf(m).TransformValue(widen(mu[lo:hi]), append(widen(mu[lo:hi]), widen(logvar[lo:hi])...))
		for j, w := range want {
			moved += math.Abs(w - float64(mu[lo+j]))
			if math.Abs(float64(center[lo+j])-w) > 1e-5 {
				t.Errorf("image %d: centre %v, want %v", i, center[lo:hi], want)
			}
		}
	}
	if moved < 0.1 {
		t.Errorf("the flow moves the means by %v in all", moved)
	}
	images, err := m.Reconstruct(x)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := m.Decode(center); err != nil || !slices.Equal(images, want) {
		t.Errorf("reconstructions are not of the centres: %v", err)
	}
	for _, bad := range [][3][]float32{{mu[1:], mu, logvar}, {mu, mu[m.latent:], logvar}, {mu, mu, logvar[m.latent:]}} {
		if _, err := m.Transform(bad[0], bad[1], bad[2]); err == nil || !strings.HasPrefix(err.Error(), "vae: ") {
			t.Errorf("numbers of other lengths: %v", err)
		}
	}
}
