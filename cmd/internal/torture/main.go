// Torture runs the tests of reliability at a given scale, prints what they tried and lost, and
// writes the table into docs/reliability.md when all cases were tried.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"govae/checkpoint"
	"govae/internal/torture"
)

// page is what the table is written into, below the mark.
const page, mark = "docs/reliability.md", "<!-- from here on written by torture: do not edit -->\n"

func main() {
	scale := flag.Float64("scale", 1, "the part of all cases to try, above 0 and at most 1")
	flag.Parse()
	if err := run(*scale); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

func run(scale float64) error {
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	records := filepath.Join(dir, "records")
	c := exec.Command("go", "test", "-count=1", "-timeout", "3h", "-run", "Torture|EveryDamage|Violations|Crafted|MixedFiles|ResumeMends",
		"./checkpoint", "./mnist", "./vae", "./train", "./cmd")
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%v", torture.Scale, scale), torture.Records+"="+records)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	failed := c.Run()
	table, err := tabulate(records)
	if err != nil {
		return err
	}
	os.Stdout.WriteString(table)
	if failed != nil {
		return fmt.Errorf("tests: %w", failed)
	}
	if scale < 1 {
		return nil
	}
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	prose, _, found := bytes.Cut(old, []byte(mark))
	if !found {
		return fmt.Errorf("%s has no line %q", page, strings.TrimSpace(mark))
	}
	return checkpoint.WriteFile(page, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s%s\n%s/%s, %s.\n\n%s", prose, mark, runtime.GOOS, runtime.GOARCH, runtime.Version(), table)
		return err
	})
}

// tabulate makes a table of the records.
func tabulate(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	table := "| Fault | Tried | Lost |\n| --- | --- | --- |\n"
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r torture.Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return "", err
		}
		table += fmt.Sprintf("| %s | %d | %d |\n", r.Fault, r.Tried, r.Lost)
	}
	return table, lines.Err()
}
