package results_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"govae/command/internal/results"
	"govae/evaluate"
	"govae/mnist"
	"govae/train"
)

// Each row is found by its name, has a recipe of that name, and says what is
// published.
func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range results.Rows() {
		if seen[row.Name] {
			t.Errorf("two rows %s", row.Name)
		}
		seen[row.Name] = true
		if found, err := results.Find(row.Name); err != nil || found != row {
			t.Errorf("Find(%q) = %v, %v", row.Name, found, err)
		}
		m, c, err := train.Preset(row.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if err := errors.Join(m.Validate(), c.Validate()); err != nil {
			t.Errorf("%s: %v", row.Name, err)
		}
		if !(row.Published > 80 && row.Published < 110) || row.Title == "" || row.Source == "" {
			t.Errorf("%+v", row)
		}
		// "k=5" in the title is the recipe's, and so is the number of layers.
		title, _, _ := strings.Cut(row.Title, ";")
		if _, k, ok := strings.Cut(title, "k="); ok {
			want, _ := json.Marshal(max(c.Objective.K, 1))
			if k != string(want) {
				t.Errorf("%q has k=%s", row.Title, want)
			}
			if deep := strings.Contains(title, "2 stochastic layers"); deep != (len(m.Above) == 1) || row.Active != "" && deep != strings.Contains(row.Active, "+") {
				t.Errorf("%q has %d layers above the first, active units %s", row.Title, len(m.Above), row.Active)
			}
		}
	}
	_, err := results.Find("best")
	if err == nil || !strings.Contains(err.Error(), `"best"`) || !strings.Contains(err.Error(), "choose one of pytorch, flax, vae-1") {
		t.Errorf("Find of no row: %v", err)
	}
}

// tiny is a run of the recipe of PyTorch's example of a second, on a few images.
func tiny(t *testing.T) (trainSet, testSet *mnist.Set, o results.Options) {
	t.Helper()
	trainSet, testSet, err := mnist.Load("")
	if err != nil {
		t.Fatal(err)
	}
	row, err := results.Find("pytorch")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return trainSet.Slice(0, 400), testSet.Slice(0, 100), results.Options{
		Row: row, Seed: 3, Epochs: 2, K: 200, N: 5, Runs: filepath.Join(dir, "runs"), Out: filepath.Join(dir, "docs", "results")}
}

// A run is recorded, the record is read back, and a run that was interrupted ends
// in the same record.
func TestRun(t *testing.T) {
	trainSet, testSet, o := tiny(t)
	r, err := results.Run(context.Background(), trainSet, testSet, o, train.Hooks{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Row != "pytorch" || r.Seed != 3 || r.Full || r.Train.Epochs != 2 || r.Model.Seed != 3 || !(r.Minutes > 0) {
		t.Errorf("record %+v", r)
	}
	// The row compares the bound, so 100 draws do for log p(x); pixels are the recipe's.
	if p := r.Report.Protocol; p.K != 100 || p.N != 5 || p.Images != 100 || p.Binarization != mnist.None.Label() {
		t.Errorf("protocol %+v", p)
	}
	read, err := results.Read(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	r.Train.Out, r.Train.Resume = "", false // which are of this machine, and in no record
	if len(read) != 1 || !reflect.DeepEqual(read[0], *r) {
		t.Errorf("wrote %+v, read %+v", r, read)
	}

	// Stopped in the second epoch, then in the evaluation.
	first := o
	o.Runs, o.Out = filepath.Join(t.TempDir(), "runs"), filepath.Join(t.TempDir(), "results")
	ctx, cancel := context.WithCancel(context.Background())
	stop := train.Hooks{Step: func(p train.Progress) {
		if p.Epoch == 2 {
			cancel()
		}
	}}
	if _, err := results.Run(ctx, trainSet, testSet, o, stop, nil); !errors.Is(err, train.ErrInterrupted) {
		t.Errorf("interrupted while training: %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	if _, err := results.Run(ctx, trainSet, testSet, o, train.Hooks{Epoch: func(e train.Epoch) {
		if e.Epoch != 2 {
			t.Errorf("epoch %d was done again", e.Epoch)
		}
		cancel()
	}}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted while evaluating: %v", err)
	}
	if none, err := results.Read(o.Out); err != nil || len(none) != 0 {
		t.Errorf("an interrupted run is recorded: %v, %v", none, err)
	}
	again, err := results.Run(context.Background(), trainSet, testSet, o, train.Hooks{Step: func(train.Progress) { t.Error("a step was done again") }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Report, r.Report) {
		t.Errorf("a run that was interrupted ends with\n%+v, another with\n%+v", again.Report, r.Report)
	}

	// Another seed is another run and record.
	o = first
	o.Seed = 4
	other, err := results.Run(context.Background(), trainSet, testSet, o, train.Hooks{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if other.Report.ELBO == r.Report.ELBO {
		t.Error("two seeds, one ELBO")
	}
	if both, err := results.Read(o.Out); err != nil || len(both) != 2 {
		t.Errorf("%d records, %v, want 2", len(both), err)
	}
}

// A record of fewer draws or images than the papers' stands beside those of others.
func TestRunProtocols(t *testing.T) {
	trainSet, testSet, o := tiny(t)
	row, err := results.Find("vae-1")
	if err != nil {
		t.Fatal(err)
	}
	o.Row, o.Epochs = row, 1
	for _, k := range []int{2, 3} {
		o.K = k
		if _, err := results.Run(context.Background(), trainSet.Slice(0, 40), testSet, o, train.Hooks{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"vae-1-3-1epochs-k2-n5.json", "vae-1-3-1epochs-k3-n5.json"} {
		if _, err := os.Stat(filepath.Join(o.Out, name)); err != nil {
			t.Error(err)
		}
	}
	if all, err := results.Read(o.Out); err != nil || len(all) != 2 {
		t.Errorf("%d records, %v, want 2", len(all), err)
	}
}

// A directory that cannot take the record is refused before the training.
func TestRunNowhere(t *testing.T) {
	trainSet, testSet, o := tiny(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	o.Out = filepath.Join(file, "results")
	_, err := results.Run(context.Background(), trainSet, testSet, o, train.Hooks{Step: func(train.Progress) { t.Fatal("it trains") }}, nil)
	if err == nil || !strings.Contains(err.Error(), "results: ") || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
}

// record makes a record of a row without running it.
func record(row string, seed uint64, full bool, epochs int, logp, elbo float64) results.Record {
	_, c, _ := train.Preset(row)
	c.Epochs, c.WarmupK = epochs, 0
	r := &evaluate.Report{LogLikelihood: evaluate.Mean{Mean: logp}, ESS: evaluate.Mean{Mean: 17.4}, ActiveUnits: 20,
		Protocol: evaluate.Protocol{Images: 10000, Binarization: "dynamic", Likelihood: "bernoulli", K: 5000, N: 10000, Seed: seed}}
	r.ELBO.Mean = elbo
	return results.Record{Row: row, Seed: seed, Full: full, Minutes: 1.25, Train: c, Report: r}
}

// lines are the lines of the page's table that start with a cell of this text.
func lines(page, cell string) (found []string) {
	for _, l := range strings.Split(page, "\n") {
		if strings.HasPrefix(l, "| "+cell+" |") {
			found = append(found, l)
		}
	}
	return found
}

func TestPage(t *testing.T) {
	deep := record("vae-2", 1, true, 500, -85.5, -88)
	deep.Report.ActiveAbove = []int{5}
	deep.Train.WarmupK = 400
	more := record("vae-1-k5", 2, true, 500, -86.5, -88)
	more.Report.Protocol.K = 50
	page := results.Page([]results.Record{
		deep,
		record("vae-1", 1, true, 500, -86.1, -90), record("vae-1", 2, true, 500, -86.4, -91), record("vae-1", 3, true, 500, -86.4, -92),
		record("iwae-1-k5", 4, false, 7, -95, -96), record("iwae-1-k5", 1, true, 500, -85.25, -87),
		record("vae-1-k5", 1, true, 500, -86.75, -88), more,
		record("pytorch", 1, true, 10, -101, -105.5),
	})
	head := lines(page, "Model")
	if len(head) != 1 {
		t.Fatalf("the page has %d tables:\n%s", len(head), page)
	}
	at := 0 // in the page: its order is that of the rows
	for _, test := range []struct {
		row  string
		want []string // in each of its lines in turn
	}{
		// A bound is compared with the ELBO, one seed has no standard error.
		{"pytorch", []string{"| 105.58 (others' logs) | **105.50** | –, 20 | 17 | 10 | 1.2 | dynamic; bernoulli; −ELBO of 10000 images |"}},
		{"flax", nil},
		// Mean 86.30, standard error √((0.2² + 0.1² + 0.1²)/2/3) = 0.10; published beside it.
		{"vae-1", []string{"| 86.76 (Burda et al. 2016, Table 1) | **86.30** ± 0.10 (86.10, 86.40, 86.40) | 19, 20 | 17, 17, 17 | 500 | 1.2, 1.2, 1.2 | dynamic; bernoulli; K=5000, 10000 images | `go run ./cmd/reproduce -row vae-1 -seeds 1,2,3` |"}},
		// Neither other protocols nor shortened runs are averaged with whole ones.
		{"vae-1-k5", []string{"| **86.75** |", "K=50, 10000 images"}},
		{"iwae-1-k5", []string{"| **85.25** | 22, 20 | 17 | 500 |", "| **95.00** | 22, 20 | 17 | 7 (shortened) | 1.2 | dynamic; bernoulli; K=5000, 10000 images | `go run ./cmd/reproduce -row iwae-1-k5 -seeds 4 -epochs 7` |"}},
		{"vae-2", []string{"| **85.50** | 16+5, 20+5 | 17 | 500, 400 with k=1 |"}},
	} {
		row, err := results.Find(test.row)
		if err != nil {
			t.Fatal(err)
		}
		got := lines(page, row.Title)
		if len(got) != len(test.want) {
			t.Errorf("%s: lines %q, want %d", test.row, got, len(test.want))
			continue
		}
		for i, l := range got {
			if !strings.Contains(l, test.want[i]) {
				t.Errorf("%s: line %q, want %q in it", test.row, l, test.want[i])
			}
			if strings.Count(l, "|") != strings.Count(head[0], "|") {
				t.Errorf("%s: line %q has other cells than %q", test.row, l, head[0])
			}
			if j := strings.Index(page, l); j < at {
				t.Errorf("%s: line %d is in another place", test.row, i+1)
			} else {
				at = j
			}
		}
	}
}

func TestWritePage(t *testing.T) {
	dir := t.TempDir()
	path, records := filepath.Join(dir, "results.md"), filepath.Join(dir, "results")
	if err := results.WritePage(path, records); err != nil { // without records
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || string(b) != results.Page(nil) {
		t.Errorf("wrote %q, %v", b, err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(records, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(records, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	one := record("vae-1", 1, true, 500, -86.1, -90)
	text, err := json.Marshal(one)
	if err != nil {
		t.Fatal(err)
	}
	write("vae-1-1.json", string(text))
	write("notes.txt", "not a record, and no matter")
	if err := results.WritePage(path, records); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil || string(good) != results.Page([]results.Record{one}) || !strings.Contains(string(good), "**86.10**") {
		t.Errorf("wrote %s, %v", good, err)
	}
	// A bad record is named, and the page stays as it was.
	for _, bad := range []string{"", "{", "{}", "[]", `{"row":"vae-1"}`, `{"row":"best","report":{}}`, `{"row":"vae-1","seed":-1,"report":{}}`} {
		write("zzz.json", bad)
		err := results.WritePage(path, records)
		if err == nil || !strings.Contains(err.Error(), "zzz.json is no record of a run: ") || strings.Contains(err.Error(), "nil") {
			t.Errorf("record %q: error %v", bad, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != string(good) {
			t.Errorf("record %q: the page is now %q, %v", bad, b, err)
		}
	}
}

// The page in docs is what its records say, and they are of today's recipes.
func TestDocs(t *testing.T) {
	records, err := results.Read(filepath.Join("..", "..", "..", "docs", "results"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "results.md"))
	if errors.Is(err, fs.ErrNotExist) && len(records) == 0 {
		t.Skip("docs has no results yet")
	} else if err != nil {
		t.Fatal(err)
	}
	if string(page) != results.Page(records) {
		t.Error("docs/results.md is not what its records make: run `go run ./cmd/reproduce`")
	}
	for _, r := range records {
		m, c, err := train.Preset(r.Row)
		if err != nil {
			t.Error(err)
			continue
		}
		if full := r.Train.Epochs == c.Epochs; full != r.Full {
			t.Errorf("%s, seed %d: %d epochs of %d, full is %v", r.Row, r.Seed, r.Train.Epochs, c.Epochs, r.Full)
		}
		m.Seed, c.Seed, c.Epochs = r.Seed, r.Seed, r.Train.Epochs
		if !reflect.DeepEqual(r.Model, m) || !reflect.DeepEqual(r.Train, c) {
			t.Errorf("%s, seed %d: the record is of %+v %+v, the recipe is %+v %+v", r.Row, r.Seed, r.Model, r.Train, m, c)
		}
	}
}
