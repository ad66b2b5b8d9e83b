// Bench measures govae beside its peers, PyTorch, OpenBLAS and gonum, on the
// machine it runs on, and writes the result as Markdown tables.
//
// Each side is a process of its own that answers one command at a time. The
// sides take turns, run by run, and whoever is not at turn is stopped, since
// OpenMP's threads spin while they wait. The machine's FMA peak is measured
// before each round. Rounds in which other programs took the cores are repeated.
//
// It is not a test: go test -bench measures single kernels, and this program the
// work of a user. run.sh installs the peers and starts it; docs/performance.md
// says what bounds each figure.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"govae/checkpoint"
	"govae/internal/simd"
	"govae/mnist"
)

// options are the flags.
type options struct {
	rounds   int
	only     *regexp.Regexp
	quick    bool
	out      string
	data     string
	python   string
	blas     string
	openblas string
	earlier  string
}

func main() {
	runtime.LockOSThread() // a worker's life hangs on the thread that started it
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var o options
	fs := flag.NewFlagSet("bench", flag.ExitOnError)
	fs.IntVar(&o.rounds, "rounds", 7, "turns of each side")
	only := fs.String("only", "", "measure only the lines that match this regular expression")
	fs.BoolVar(&o.quick, "quick", false, "three rounds of less work each: a look, not a record")
	fs.StringVar(&o.out, "out", "", "write the tables to this file, below the line that says so if it has one (docs/performance.md unless -quick or -only is given)")
	fs.StringVar(&o.data, "data", "", "directory of MNIST (GoMNIST's copy)")
	fs.StringVar(&o.python, "python", "/usr/bin/python3", "the Python that has PyTorch")
	fs.StringVar(&o.blas, "blas", "", "directory of the OpenMP build of OpenBLAS, for PyTorch")
	fs.StringVar(&o.openblas, "openblas", "", "the compiled openblas/gemm.c")
	fs.StringVar(&o.earlier, "earlier", "", "an earlier bench program, to compare with instead of the peers: 21 rounds, and no file unless -out is given (run.sh -against REVISION builds it)")
	worker := fs.Bool("worker", false, "be govae's side: used by bench itself")
	fs.Parse(args)
	if *worker {
		return work(os.Stdin, os.Stdout, o.data)
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if o.rounds < 1 {
		return fmt.Errorf("-rounds is %d, want at least 1", o.rounds)
	}
	if o.quick {
		o.rounds = min(o.rounds, 3)
	}
	if o.earlier != "" && !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(strings.TrimLeft(a, "-"), "rounds") }) {
		o.rounds = 21
	}
	if o.out == "" && !o.quick && *only == "" && o.earlier == "" {
		o.out = filepath.Join("docs", "performance.md")
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := measure(ctx, o)
	var b bytes.Buffer
	if r != nil {
		r.markdown(&b)
	}
	os.Stdout.Write(b.Bytes()) // also what there is of a run that failed
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil || o.out == "":
		return err
	}
	return record(o.out, b.Bytes())
}

// mark begins what bench writes into a file.
const mark = "<!-- from here on written by bench: do not edit -->\n"

// record writes the tables to a file; what stands above the mark stays.
func record(path string, tables []byte) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	prose, _, found := bytes.Cut(old, []byte(mark))
	if !found {
		prose = nil
	}
	return checkpoint.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(slices.Concat(prose, []byte(mark), tables))
		return err
	})
}

// measure runs all that the options ask for. With an error it returns what it has
// until then, if anything.
func measure(ctx context.Context, o options) (*report, error) {
	d, err := newDriver(ctx, o)
	if err != nil {
		return nil, err
	}
	r := &report{machine: d.machine()}
	if o.earlier != "" {
		return r, d.compare(r)
	}
	if d.torch == nil {
		r.notes = append(r.notes, "PyTorch is not installed: its lines are left out. cmd/internal/bench/run.sh installs it on Debian.")
	}
	if d.torch != nil && o.blas == "" {
		r.notes = append(r.notes, "PyTorch runs with the BLAS it found (no -blas), which is not its best: start bench by cmd/internal/bench/run.sh.")
	}
	if d.openblas == nil {
		r.notes = append(r.notes, "The OpenBLAS program was not built: its column is left out. cmd/internal/bench/run.sh builds it on Debian.")
	}
	for _, l := range lines(o.quick) {
		if !o.only.MatchString(l.name) || d.torch == nil && l.against == pytorch {
			continue
		}
		progress("%s", l.name)
		res, err := d.line(l)
		if err != nil {
			return r, fmt.Errorf("%s: %w", l.name, err)
		}
		r.results = append(r.results, res)
	}
	if d.torch != nil && !o.quick && o.only.MatchString("loss curves") {
		if r.curves, err = d.curves(); err != nil {
			return r, fmt.Errorf("loss curves: %w", err)
		}
	}
	if o.only.MatchString("SGEMM") {
		if r.gemms, err = d.gemm(shapes()); err != nil {
			return r, fmt.Errorf("SGEMM: %w", err)
		}
	}
	return r, nil
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// driver knows how to start each side.
type driver struct {
	ctx             context.Context
	o               options
	self            string
	torch, openblas *info // nil: not there
	ours            info
	patience        time.Duration // left for waiting until the machine is quiet
}

func newDriver(ctx context.Context, o options) (*driver, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	d := &driver{ctx: ctx, o: o, self: self, patience: 5 * time.Minute}
	if o.quick {
		d.patience = 30 * time.Second
	}
	if o.data == "" {
		if d.o.data, err = mnist.Find(""); err != nil {
			return nil, err
		}
	}
	if d.ours, err = d.info(d.ourSide(threads)); err != nil {
		return nil, fmt.Errorf("govae's worker: %w", err)
	}
	if i, err := d.info(d.torchSide(threads)); err == nil {
		d.torch = &i
	} else {
		progress("no PyTorch: %v", err)
	}
	if o.openblas != "" {
		i, err := d.info(d.openblasSide())
		if err != nil {
			return nil, fmt.Errorf("OpenBLAS's worker: %w", err)
		}
		d.openblas = &i
	}
	return d, nil
}

// ourSide, torchSide and openblasSide say how a side is started, tuned as best
// we know (torch/peer.py says what was tried).
func (d *driver) ourSide(n int, env ...string) side {
	return side{name: "govae", argv: []string{d.self, "-worker", "-data", d.o.data}, env: append([]string{fmt.Sprint("GOMAXPROCS=", n)}, env...)}
}

func (d *driver) torchSide(n int) side {
	return side{name: "PyTorch", argv: []string{d.o.python, filepath.Join("cmd", "internal", "bench", "torch", "peer.py"), d.o.data},
		env: append(openMP(n), "LD_LIBRARY_PATH="+d.o.blas, "ATEN_CPU_CAPABILITY=avx512")}
}

// keepMemory has the C library keep freed memory, so that it need not be mapped
// anew each step. It makes PyTorch faster, and bigger.
var keepMemory = []string{"MALLOC_MMAP_THRESHOLD_=1000000000", "MALLOC_TRIM_THRESHOLD_=1000000000", "MALLOC_TOP_PAD_=100000000"}

func (d *driver) openblasSide() side {
	return side{name: "OpenBLAS", argv: []string{d.o.openblas}, env: openMP(threads)}
}

func openMP(n int) []string {
	return []string{fmt.Sprint("OMP_NUM_THREADS=", n), "OMP_WAIT_POLICY=ACTIVE"}
}

// info asks a side what it is.
func (d *driver) info(s side) (info, error) {
	w, err := start(d.ctx, s)
	if err != nil {
		return info{}, err
	}
	defer w.kill()
	r, err := w.ask("info")
	return r.info, err
}

func (d *driver) machine() machine {
	d.waitForQuiet()
	m := machine{CPU: cpuName(), Cores: runtime.NumCPU(), Go: runtime.Version(), Level: d.ours.Version, Rounds: d.o.rounds,
		Peak1: simd.Peak(1, 200*time.Millisecond), Peak2: simd.Peak(threads, 200*time.Millisecond)}
	for _, i := range []*info{d.torch, d.openblas} {
		if i != nil {
			m.Peers = append(m.Peers, i.Version)
		}
	}
	return m
}
