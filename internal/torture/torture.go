// Package torture scales the tests of reliability, and counts what they try. Each test tries
// a few cases under go test, a tenth of all in .ci/run, and all of them by make torture,
// which prints what was tried and lost.
package torture

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
)

// Scale and Records are the environment's variables that make torture sets: the part of all
// cases to try, from 0 to 1, and the file to which each row adds a line.
const Scale, Records = "GOVAE_TORTURE", "GOVAE_TORTURE_RECORDS"

// standard is the part of all cases that go test tries.
const standard = 0.02

// N is the number of cases to try of all: at least one, at most all.
func N(t testing.TB, all int) int {
	t.Helper()
	part := standard
	if testing.Short() {
		part = 0
	}
	if text := os.Getenv(Scale); text != "" {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= 0 && v <= 1) {
			t.Fatalf("%s is %q, want a number from 0 to 1", Scale, text)
		}
		part = v
	}
	return min(all, max(1, int(math.Ceil(part*float64(all)))))
}

// Row is a row of the table: how many cases were tried, and how many of them lost something.
type Row struct {
	Fault string `json:"fault"`
	Tried int    `json:"tried"`
	Lost  int    `json:"lost"`
}

// Count records a row of a test that fails by itself where a case is lost.
func Count(t testing.TB, fault string, tried int) {
	t.Helper()
	if !t.Failed() {
		Record(t, Row{Fault: fault, Tried: tried})
	}
}

// Record fails the test if a case was lost, and adds the row to the records.
func Record(t testing.TB, r Row) {
	t.Helper()
	t.Logf("%s: %d tried, %d lost", r.Fault, r.Tried, r.Lost)
	if r.Lost > 0 || r.Tried == 0 {
		t.Errorf("%s: %d of %d lost, want at least one tried and none lost", r.Fault, r.Lost, r.Tried)
	}
	path := os.Getenv(Records)
	if path == "" {
		return
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%s\n", line); err != nil {
		t.Fatal(err)
	}
}
