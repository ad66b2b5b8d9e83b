package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"govae/checkpoint"
	"govae/evaluate"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

// The estimate of log p(x) in the papers: samples an image, and images.
const paperK, paperN = 5000, 10000

// DefaultOptions is seed 1 under the papers' protocol.
func DefaultOptions() Options {
	return Options{Seed: 1, K: paperK, N: paperN, Runs: filepath.Join("runs", "results"), Out: filepath.Join("docs", "results")}
}

// Options say how a row is run.
type Options struct {
	Row    Row
	Seed   uint64 // of everything random
	Epochs int    // 0 for the recipe's; fewer make a shortened run, and are recorded as such
	K, N   int    // of the estimate of log p(x): samples an image, and images
	Runs   string // directory of the run directories
	Out    string // directory of the records
}

// Record is what came of a row and a seed.
type Record struct {
	Row     string           `json:"row"`
	Seed    uint64           `json:"seed"`
	Full    bool             `json:"full"`    // the recipe's number of epochs
	Minutes float64          `json:"minutes"` // of training: epochs times the median one's, those of a warm-up of k apart, so that a pause does not count
	Model   vae.Config       `json:"model"`
	Train   train.Config     `json:"train"`
	Report  *evaluate.Report `json:"report"`
}

// Run trains and evaluates a row, going on with what an interrupted run left, and
// writes the record. The hooks are those of train.Run.
func Run(ctx context.Context, trainSet, testSet *mnist.Set, o Options, hooks train.Hooks, progress func(done, of int)) (*Record, error) {
	mc, tc, err := train.Preset(o.Row.Name)
	if err != nil {
		return nil, err
	}
	full := tc.Epochs
	if o.Epochs > full {
		return nil, fmt.Errorf("results: %d epochs of a recipe that has %d: want fewer, for a shortened run, or 0", o.Epochs, full)
	}
	if err := os.MkdirAll(o.Out, 0o777); err != nil { // better now than after the training
		return nil, fmt.Errorf("results: %w", err)
	}
	if o.Epochs > 0 {
		tc.Epochs = o.Epochs
	}
	mc.Seed, tc.Seed = o.Seed, o.Seed
	tc.Out = filepath.Join(o.Runs, fmt.Sprintf("%s-%d-%d", o.Row.Name, tc.Epochs, o.Seed))
	_, err = os.Lstat(filepath.Join(tc.Out, "config.json"))
	tc.Resume = err == nil
	m, err := vae.New(mc)
	if err != nil {
		return nil, err
	}
	epochs, err := train.Run(ctx, m, train.Data{Train: trainSet, Test: testSet}, tc, hooks)
	if err != nil && tc.Resume && !errors.Is(err, train.ErrInterrupted) {
		return nil, fmt.Errorf("%w (it was to go on with %s: remove that, or give another directory of runs)", err, tc.Out)
	} else if err != nil {
		return nil, err
	}
	r := &Record{Row: o.Row.Name, Seed: o.Seed, Full: tc.Epochs == full, Minutes: minutes(epochs, tc.WarmupK), Model: mc, Train: tc}
	if o.Row.Bound { // log p(x) is beside the point
		o.K, o.N = min(o.K, 100), min(o.N, 1000)
	}
	eo := evaluate.Options{K: o.K, N: o.N, Binarize: tc.Binarize, Seed: 1, Progress: progress}
	if r.Report, err = evaluate.Run(ctx, m, testSet, eo); err != nil {
		return nil, err
	}
	return r, r.write(o.Out)
}

// minutes of a run whose first epochs have another k than the rest.
func minutes(epochs []train.Epoch, first int) float64 {
	var seconds []float64
	for _, e := range epochs {
		seconds = append(seconds, e.Seconds)
	}
	first = min(first, len(seconds))
	sum := 0.0
	for _, s := range [][]float64{seconds[:first], seconds[first:]} {
		if len(s) > 0 {
			slices.Sort(s)
			sum += s[len(s)/2] * float64(len(s))
		}
	}
	return sum / 60
}

// write writes the record into a directory. That of a shortened run, or of another
// protocol than the papers', never takes the place of a whole one's.
func (r *Record) write(dir string) error {
	name := fmt.Sprintf("%s-%d", r.Row, r.Seed)
	if !r.Full {
		name += fmt.Sprintf("-%depochs", r.Train.Epochs)
	}
	if row, err := Find(r.Row); err == nil && !row.Bound && r.Report != nil {
		if p := r.Report.Protocol; p.K != paperK || p.N != paperN {
			name += fmt.Sprintf("-k%d-n%d", p.K, p.N)
		}
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return write(filepath.Join(dir, name+".json"), append(b, '\n'))
}

func write(path string, b []byte) error {
	return checkpoint.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// Read returns the records in a directory, none if it is not there.
func Read(dir string) ([]Record, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	slices.Sort(names)
	var all []Record
	for _, name := range names {
		b, err := checkpoint.ReadFile(name, 1<<24)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("results: %w", err)
		}
		var r Record
		if err := json.Unmarshal(b, &r); err != nil {
			return nil, fmt.Errorf("results: %s is no record of a run: %w", name, err)
		}
		if _, err := Find(r.Row); err != nil || r.Report == nil {
			return nil, fmt.Errorf("results: %s is no record of a run: it names no row, or has no report", name)
		}
		all = append(all, r)
	}
	return all, nil
}

// WritePage writes docs/results.md from the records beside it.
func WritePage(path, records string) error {
	all, err := Read(records)
	if err != nil {
		return err
	}
	return write(path, []byte(Page(all)))
}

// Page is the table of all rows that have a record, in Markdown. Records of a row
// are averaged only if they differ in nothing but the seed: whole and shortened runs,
// or other protocols, have lines of their own.
func Page(records []Record) string {
	var b strings.Builder
	b.WriteString(`<!-- written by cmd/reproduce from docs/results/*.json: do not edit -->
# Published results, reproduced

Negative log-likelihoods and bounds of the MNIST test set, in nats per image, lower is better. Architecture and
protocol are the papers', but where a title says more; optimiser and schedule are ours (` + "`train/presets.go`" + ` says what they are). A figure
compares with another only under the same protocol, which stands in each line: figures of different binarisations or
likelihoods are never compared. Standard errors are over seeds where there are at least two.

| Model | Published | Ours | Active units: published, ours | ESS | Epochs | Minutes | Protocol | Command |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
`)
	for _, row := range Rows() {
		var lines [][]Record
		for _, r := range records {
			if r.Row != row.Name {
				continue
			}
			i := slices.IndexFunc(lines, func(l []Record) bool { return alike(l[0], r) })
			if i < 0 {
				i, lines = len(lines), append(lines, nil)
			}
			lines[i] = append(lines[i], r)
		}
		slices.SortStableFunc(lines, func(a, b []Record) int { return b[0].Train.Epochs - a[0].Train.Epochs })
		for _, l := range lines {
			b.WriteString(row.line(l))
		}
	}
	b.WriteString(`
ELBO rows compare the mean bound, others the importance-weighted estimate of −log p(x), whose K and number of images
the protocol names. ESS is the effective sample size of those K draws. Minutes are of training alone, by the median
epoch, on the machine that wrote the record, which may have had other work. An epoch count marked "shortened" is below the recipe's.

Published figures: Burda, Grosse & Salakhutdinov 2016, arXiv:1509.00519; Tomczak & Welling 2018, arXiv:1705.07120;
logs of others' runs of the two examples.
`)
	return b.String()
}

// alike reports whether two records of a row are of one recipe and protocol.
func alike(a, b Record) bool {
	p, q := a.Report.Protocol, b.Report.Protocol
	p.Seed, q.Seed = 0, 0
	return p == q && a.Full == b.Full && a.Train.Epochs == b.Train.Epochs
}

func (row Row) line(own []Record) string {
	var values, active, minutes, ess, seeds []string
	sum, sq := 0.0, 0.0
	for _, r := range own {
		v := -r.Report.LogLikelihood.Mean
		if row.Bound {
			v = -r.Report.ELBO.Mean
		}
		sum, sq = sum+v, sq+v*v
		values = append(values, fmt.Sprintf("%.2f", v))
		units := fmt.Sprint(r.Report.ActiveUnits)
		for _, n := range r.Report.ActiveAbove {
			units += fmt.Sprintf("+%d", n)
		}
		active = append(active, units)
		minutes, seeds = append(minutes, fmt.Sprintf("%.1f", r.Minutes)), append(seeds, fmt.Sprint(r.Seed))
		ess = append(ess, fmt.Sprintf("%.0f", r.Report.ESS.Mean))
	}
	epochs, command := fmt.Sprint(own[0].Train.Epochs), fmt.Sprintf("go run ./cmd/reproduce -row %s -seeds %s", row.Name, strings.Join(seeds, ","))
	if !own[0].Full {
		command += " -epochs " + epochs
		epochs += " (shortened)"
	}
	if first := own[0].Train.WarmupK; first > 0 {
		epochs += fmt.Sprintf(", %d with k=1", min(first, own[0].Train.Epochs))
	}
	if p := own[0].Report.Protocol; !row.Bound && (p.K != paperK || p.N != paperN) {
		command += fmt.Sprintf(" -k %d -n %d", p.K, p.N)
	}
	n := float64(len(own))
	ours := strings.Join(values, ", ")
	if n > 1 {
		ours = fmt.Sprintf("**%.2f** ± %.2f (%s)", sum/n, stdErr(sum, sq, n), ours)
	} else {
		ours = "**" + ours + "**"
	}
	published := row.Active
	if published == "" {
		published = "–"
	}
	p := own[0].Report.Protocol
	protocol := fmt.Sprintf("%s; %s", p.Binarization, p.Likelihood)
	if row.Bound {
		protocol += fmt.Sprintf("; −ELBO of %d images", p.Images)
	} else {
		protocol += fmt.Sprintf("; K=%d, %d images", p.K, p.N)
	}
	return fmt.Sprintf("| %s | %.2f (%s) | %s | %s, %s | %s | %s | %s | %s | `%s` |\n", row.Title, row.Published, row.Source, ours, published,
		strings.Join(slices.Compact(active), " and "), strings.Join(ess, ", "), epochs, strings.Join(minutes, ", "), protocol, command)
}

// stdErr is the standard error of the mean of n values from their sum and sum of
// squares.
func stdErr(sum, squares, n float64) float64 {
	return math.Sqrt(math.Max(squares-sum*sum/n, 0) / (n - 1) / n)
}
