package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"govae/internal/simd"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

// work is our side: it uses the library as anybody would.
func work(in io.Reader, out io.Writer, data string) error {
	t := &trainee{data: data}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		r, err := t.do(lines.Text())
		if err != nil {
			r.Error = err.Error()
		}
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", b); err != nil {
			return err
		}
	}
	return lines.Err()
}

// trainee is the worker's state: the data once it was read, and the training in
// progress.
type trainee struct {
	data        string
	train, test *mnist.Set
	model       *vae.Model
	command     string           // that the training was started with
	next        chan<- struct{}  // lets it do another epoch
	done        <-chan doneEpoch // tells that it did
}

type doneEpoch struct {
	loss float64
	err  error
}

// do obeys one command.
func (t *trainee) do(command string) (reply, error) {
	word, rest, _ := strings.Cut(command, " ")
	a := args{}
	for _, kv := range strings.Fields(rest) {
		k, v, _ := strings.Cut(kv, "=")
		a[k] = v
	}
	switch word {
	case "info":
		return reply{info: info{Version: simd.Current().String()}}, nil
	case "gemm":
		return products(a, simd.Gemm[float32]), nil
	case "gonum":
		return products(a, gonumGemm), nil
	}
	if t.train == nil {
		var err error
		if t.train, t.test, err = mnist.Load(t.data); err != nil {
			return reply{}, err
		}
	}
	switch word {
	case "epoch":
		return t.epoch(command, a)
	case "first":
		return t.first(a)
	case "whole":
		return t.whole(a)
	case "forward":
		return t.forward(a)
	case "loglik":
		return t.logLikelihood(a)
	}
	return reply{}, fmt.Errorf("unknown command %q", word)
}

// configs are the model and the training that the arguments ask for.
func configs(a args) (vae.Config, train.Config) {
	m, c := vae.DefaultConfig(), train.DefaultConfig()
	m.Hidden, m.Latent, m.Activation = nil, a.int("latent"), a["activation"]
	for _, h := range strings.Split(a["hidden"], ",") {
		n, _ := strconv.Atoi(h)
		m.Hidden = append(m.Hidden, n)
	}
	if seed := a.int("seed"); seed > 0 {
		m.Seed, c.Seed = uint64(seed), uint64(seed)
	}
	c.Batch, c.Limit, c.Epochs = a.int("batch"), a.int("limit"), 1_000_000 // as many as we are asked for
	return m, c
}

// epoch times one epoch of one long training: shuffling, binarisation, steps and
// what train.Run does between epochs, but no test set. The same command again is
// the next epoch; another one starts anew.
func (t *trainee) epoch(command string, a args) (reply, error) {
	if command != t.command {
		mc, tc := configs(a)
		m, err := vae.New(mc)
		if err != nil {
			return reply{}, err
		}
		next, done := make(chan struct{}), make(chan doneEpoch)
		go func() {
			<-next
			_, err := train.Run(context.Background(), m, train.Data{Train: t.train}, tc, train.Hooks{Epoch: func(e train.Epoch) {
				done <- doneEpoch{loss: -e.Train.ELBO}
				<-next
			}})
			done <- doneEpoch{err: err}
		}()
		t.command, t.model, t.next, t.done = command, m, next, done
	}
	start := time.Now()
	t.next <- struct{}{}
	e := <-t.done
	return reply{Seconds: time.Since(start).Seconds(), Value: e.loss}, e.err
}

// first returns as soon as one training step is done.
func (t *trainee) first(a args) (reply, error) {
	mc, tc := configs(a)
	m, err := vae.New(mc)
	if err != nil {
		return reply{}, err
	}
	ctx, stop := context.WithCancel(context.Background())
	var loss float64
	_, err = train.Run(ctx, m, train.Data{Train: t.train, Test: t.test}, tc, train.Hooks{Step: func(p train.Progress) {
		loss = p.Loss.Loss
		stop()
	}})
	if errors.Is(err, train.ErrInterrupted) {
		err = nil
	}
	return reply{Value: loss}, err
}

// whole is one epoch with all that cmd/train does around it: the test set,
// checkpoint and figures.
func (t *trainee) whole(a args) (reply, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return reply{}, err
	}
	defer os.RemoveAll(dir)
	mc, tc := configs(a)
	tc.Epochs, tc.Out = 1, filepath.Join(dir, "run")
	m, err := vae.New(mc)
	if err != nil {
		return reply{}, err
	}
	epochs, err := train.Run(context.Background(), m, train.Data{Train: t.train, Test: t.test}, tc, train.Hooks{})
	if err != nil {
		return reply{}, err
	}
	return reply{Value: -epochs[0].Train.ELBO}, nil
}

// forward times encoding test images and decoding their codes, with the model
// that was trained last.
func (t *trainee) forward(a args) (reply, error) {
	n, repeat := a.int("n"), a.int("repeat")
	x := make([]float32, n*t.test.Size())
	t.test.Fill(x, firstN(n), mnist.None, nil)
	var images []float32
	start := time.Now()
	for range repeat {
		mu, _, err := t.model.Encode(x)
		if err != nil {
			return reply{}, err
		}
		if images, err = t.model.Decode(mu); err != nil {
			return reply{}, err
		}
	}
	seconds, sum := time.Since(start).Seconds()/float64(repeat), 0.0
	for _, v := range images {
		sum += float64(v)
	}
	return reply{Seconds: seconds, Value: sum / float64(len(images))}, nil
}

// logLikelihood times the estimate of log p(x) of test images with ink where
// they are darker than one half, so that both sides estimate the same figure.
func (t *trainee) logLikelihood(a args) (reply, error) {
	n := a.int("n")
	x := make([]float32, n*t.test.Size())
	t.test.Prepare(mnist.Threshold, nil).Fill(x, firstN(n), mnist.Threshold, nil)
	start := time.Now()
	logp, err := t.model.LogLikelihood(context.Background(), x, a.int("k"), 1)
	seconds := time.Since(start).Seconds()
	sum := 0.0
	for _, v := range logp {
		sum += v
	}
	return reply{Seconds: seconds, Value: sum / float64(n)}, err
}

func firstN(n int) []int {
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	return index
}

// gemmFunc is a matrix product of simd.Gemm's signature.
type gemmFunc func(ta, tb bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int)

// products repeats a product for the given time and returns the seconds of one.
func products(a args, gemm gemmFunc) reply {
	m, n, k, ta, tb := a.int("m"), a.int("n"), a.int("k"), a["ta"] == "1", a["tb"] == "1"
	x, y, z := uniform(m*k), uniform(k*n), make([]float32, m*n)
	lda, ldb := k, n
	if ta {
		lda = m
	}
	if tb {
		ldb = k
	}
	once := func() { gemm(ta, tb, m, n, k, 1, x, lda, y, ldb, 0, z, n) }
	once()
	once() // the other core is awake now
	limit, _ := strconv.ParseFloat(a["seconds"], 64)
	calls, start := 0, time.Now()
	for time.Since(start).Seconds() < limit {
		once()
		calls++
	}
	return reply{Seconds: time.Since(start).Seconds() / float64(calls)}
}

func uniform(n int) []float32 {
	v, r := make([]float32, n), rand.New(rand.NewPCG(1, 1))
	for i := range v {
		v[i] = 2*r.Float32() - 1
	}
	return v
}

func gonumGemm(ta, tb bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	t := map[bool]blas.Transpose{false: blas.NoTrans, true: blas.Trans}
	gonum.Implementation{}.Sgemm(t[ta], t[tb], m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// args are a command's arguments.
type args map[string]string

// int returns a whole number, 0 if there is none of that name.
func (a args) int(name string) int {
	n, _ := strconv.Atoi(a[name])
	return n
}
