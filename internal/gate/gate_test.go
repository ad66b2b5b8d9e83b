// Package gate_test holds govae to what it computes, bit for bit, while its code
// changes.
//
// TestGate trains small models through the public API. The JSON of each model and run is
// what config.json holds. The test compares two things with records: the CRC-32 of all
// weights, and the digits of an evaluation. It says that they have not changed. Other
// tests say whether they are right.
//
//	testdata/cases.json   what is trained: "pairs" (see TestCasesCoverPairs), "special", and
//	                      "presets" at full size; then what the fixtures were made of
//	testdata/gate.json    the results, for each platform
//	testdata/models       models that earlier versions saved (see TestFixtures)
//	testdata/runs         run directories that were interrupted in their second epoch
//
// Results differ in the last bits between processors and levels of instructions. So each
// record is kept under GOARCH/level, such as amd64/avx2. It is of a default build by the go
// command: with GOAMD64=v3 the compiler fuses products and sums, which changes the
// rounding. On a platform without a record the test skips, and says so.
//
//	go test ./internal/gate                                        all, about a minute
//	go test -short ./internal/gate                                 a part of it, in seconds
//	go test ./internal/gate -run 'TestGate|TestFixtures' -update   record this platform anew
//	GOVAE_SIMD=portable go test …                                  the same at a lower level
//	go test ./internal/gate -run Cover -cases                      choose the pairs anew
//	go test ./internal/gate -run Fixtures -fixtures                make fixtures that are missing
//
// A commit that changes results on purpose records them anew, and its message says why.
// Fixtures that exist are never made anew, because a file of today must load in every
// later version.
//
// Only api_test.go calls govae's packages.
package gate_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "record the results of this platform in testdata/gate.json anew")

const recordFile, caseFile = "testdata/gate.json", "testdata/cases.json"

// spec says what is trained. Its JSON of a model and of a run changes that of a preset.
type spec struct {
	Name   string          `json:"name"`
	Preset string          `json:"preset,omitempty"` // default if empty
	Model  json.RawMessage `json:"model,omitempty"`
	Train  json.RawMessage `json:"train,omitempty"`
	K      int             `json:"k,omitempty"`     // of the evaluation, 10 if 0
	N      int             `json:"n,omitempty"`     // of the evaluation, 20 if 0
	Parts  bool            `json:"parts,omitempty"` // the rate and the inference gap are taken apart as well
}

// specs is cases.json.
type specs struct {
	Pairs   []spec `json:"pairs"`
	Special []spec `json:"special"`
	Presets []spec `json:"presets"`
	Models  []spec `json:"models"` // of testdata/models
	Runs    []spec `json:"runs"`   // of testdata/runs
}

// names are the names of the records: group and case.
func (s specs) names() (names []string) {
	for group, specs := range map[string][]spec{"pairs": s.Pairs, "special": s.Special, "presets": s.Presets, "models": s.Models, "runs": s.Runs} {
		for _, c := range specs {
			names = append(names, group+" "+c.Name)
		}
	}
	return names
}

func readSpecs(t *testing.T) specs {
	t.Helper()
	var s specs
	b, err := os.ReadFile(caseFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := strict(b, &s); err != nil {
		t.Fatalf("%s: %v", caseFile, err)
	}
	return s
}

// strict decodes JSON into v, and refuses names that v does not have.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// digits are the results of a case by name. The weights are a CRC-32. A number has as many
// digits as tell it from every other number.
type digits map[string]string

// records are the results of one platform, by the name of the case.
type records map[string]digits

// has reports whether there are records of a group of cases.
func (r records) has(group string) bool {
	for name := range r {
		if strings.HasPrefix(name, group+" ") {
			return true
		}
	}
	return false
}

// readRecords returns the records of each platform.
func readRecords(t *testing.T) map[string]records {
	t.Helper()
	all := map[string]records{}
	b, err := os.ReadFile(recordFile)
	if os.IsNotExist(err) {
		return all
	} else if err != nil {
		t.Fatal(err)
	}
	if err := strict(b, &all); err != nil {
		t.Fatalf("%s: %v", recordFile, err)
	}
	return all
}

// writeRecords adds results to the records of this platform, one line for each case. It
// deletes the records of cases that are no longer there.
func writeRecords(t *testing.T, results records) {
	t.Helper()
	all := readRecords(t)
	if all[platform()] == nil {
		all[platform()] = records{}
	}
	maps.Copy(all[platform()], results)
	known := readSpecs(t).names()
	maps.DeleteFunc(all[platform()], func(name string, _ digits) bool { return !slices.Contains(known, name) })
	var b bytes.Buffer
	b.WriteString("{")
	for i, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s\n%q: {", comma(i), key)
		for j, name := range slices.Sorted(maps.Keys(all[key])) {
			line, err := json.Marshal(all[key][name])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\n %q: %s", comma(j), name, line)
		}
		b.WriteString("\n}")
	}
	b.WriteString("\n}\n")
	if err := os.WriteFile(recordFile, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// compare fails the test for each result that is not the recorded one, the weights first.
func compare(t *testing.T, got, want digits) {
	t.Helper()
	if want == nil {
		t.Errorf("nothing is recorded for %s: record it with go test ./internal/gate -update", platform())
		return
	}
	both := maps.Clone(want)
	maps.Copy(both, got)
	names := slices.Sorted(maps.Keys(both))
	if i := slices.Index(names, "weights"); i >= 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, "weights")
	}
	for _, name := range names {
		if got[name] != want[name] {
			t.Errorf("%s: %q, recorded for %s: %q", name, got[name], platform(), want[name])
		}
	}
}

// shortPairs is how many pairs are trained under -short. Each value of each dimension is in
// one of these first pairs.
const shortPairs = 14

func TestGate(t *testing.T) {
	recorded := readRecords(t)[platform()]
	all, results := readSpecs(t), records{}
	for _, group := range []struct {
		name  string
		specs []spec
		short int // number of cases under -short
	}{{"pairs", all.Pairs, shortPairs}, {"special", all.Special, len(all.Special)}, {"presets", all.Presets, 0}} {
		t.Run(group.name, func(t *testing.T) {
			if !recorded.has(group.name) && !*update {
				t.Skipf("no %s are recorded for %s: record them with go test ./internal/gate -run TestGate -update", group.name, platform())
			}
			for i, s := range group.specs {
				t.Run(s.Name, func(t *testing.T) {
					if i >= group.short && testing.Short() {
						t.Skip("long")
					}
					got, err := trainAndEvaluate(s)
					if err != nil {
						t.Fatal(err)
					}
					if *update {
						results[group.name+" "+s.Name] = got
						return
					}
					compare(t, got, recorded[group.name+" "+s.Name])
				})
			}
		})
	}
	if *update && !t.Failed() {
		writeRecords(t, results)
	}
}
