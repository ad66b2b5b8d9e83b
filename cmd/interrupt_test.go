//go:build unix

package cmd_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// started is a command that runs.
type started struct {
	*exec.Cmd
	first  chan string // the first line of standard output that the caller waits for
	mu     sync.Mutex
	stdout strings.Builder
	stderr bytes.Buffer
	read   chan struct{}
}

// start starts a command, and waits for a line of its output that begins so, or
// for half a second if that is "".
func start(t *testing.T, dir, line string, args ...string) *started {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	s := &started{Cmd: prepare(ctx, dir, args...), first: make(chan string, 1), read: make(chan struct{})}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.Stderr = &s.stderr
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.read)
		r := bufio.NewReader(out)
		for {
			text, err := r.ReadString('\n')
			s.mu.Lock()
			s.stdout.WriteString(text)
			s.mu.Unlock()
			if line != "" && strings.HasPrefix(text, line) {
				select {
				case s.first <- text:
				default:
				}
			}
			if err != nil {
				if err != io.EOF {
					t.Error(err)
				}
				return
			}
		}
	}()
	if line == "" {
		time.Sleep(500 * time.Millisecond)
		return s
	}
	select {
	case <-s.first:
	case <-s.read:
		_ = s.Wait()
		t.Fatalf("%v ended without a line %q: %s%s", args, line, s.stdout.String(), s.stderr.String())
	}
	return s
}

func (s *started) send(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func (s *started) end() result {
	<-s.read
	_ = s.Wait()
	return result{s.ProcessState.ExitCode(), s.stdout.String(), s.stderr.String(), s.ProcessState}
}

// died reports whether the signal itself ended the command.
func (r result) died(sig syscall.Signal) bool {
	w, ok := r.state.Sys().(syscall.WaitStatus)
	return ok && w.Signaled() && w.Signal() == sig
}

// TestInterrupt stops runs at whatever step they are, and resumes them: the end
// is that of a run that was never stopped.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const n = 6 // epochs, of 64 steps
	long := func(out string, more ...string) []string {
		return append(tinyModel("-batch", "8", "-epochs", fmt.Sprint(n), "-out", out), more...)
	}
	must(t, dir, long("whole", "-quiet")...)
	want := figures(metrics(t, filepath.Join(dir, "whole"), n, 64))

	tests := []struct {
		name  string
		sig   syscall.Signal
		code  int
		after string // the line of output after which the signal comes
	}{
		{"SIGINT", syscall.SIGINT, 130, "epoch 2/"},
		{"SIGTERM", syscall.SIGTERM, 143, "epoch 1/"},
		{"at once", syscall.SIGINT, 130, "model "},
	}
	if testing.Short() {
		tests = tests[:1]
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run := filepath.Join(dir, test.name)
			var r result
			for range 5 { // as often as the run is over before the signal comes
				s := start(t, dir, test.after, long(run)...)
				s.send(t, test.sig)
				if r = s.end(); r.code != 0 {
					break
				}
				if err := os.RemoveAll(run); err != nil {
					t.Fatal(err)
				}
			}
			wantFailure(t, r, test.code, "train: interrupted", "-resume", "-out", run)
			for _, name := range []string{"state.safetensors", "model.safetensors", "config.json"} {
				if !exists(filepath.Join(run, name)) {
					t.Errorf("%s is not there", name)
				}
			}
			leftovers(t, run)
			must(t, dir, "sample", "-model", filepath.Join(run, "model.safetensors"))

			// Without -resume the run is safe.
			before := snapshot(t, run)
			wantFailure(t, runIn(t, dir, long(run)...), 1, "another run")
			if after := snapshot(t, run); !maps.Equal(before, after) {
				t.Error("a run without -resume changed it")
			}
			out := must(t, dir, "train", "-resume", "-out", run)
			if !strings.Contains(out, fmt.Sprintf("epoch %[1]d/%[1]d", n)) {
				t.Errorf("the resumed run prints\n%s", out)
			}
			if sum(t, filepath.Join(run, "model.safetensors")) != sum(t, filepath.Join(dir, "whole", "model.safetensors")) {
				t.Error("model.safetensors differs from that of a run that was never stopped")
			}
			if got := figures(metrics(t, run, n, 64)); got != want {
				t.Errorf("metrics differ from those of a run that was never stopped:\n%s\n%s", got, want)
			}
		})
	}
}

// runIn is run under a name that a variable called run does not hide.
var runIn = run

// TestSecondInterrupt: a second signal ends a command at once.
func TestSecondInterrupt(t *testing.T) {
	for _, test := range []struct {
		line string // of output after which the signals come
		wait time.Duration
		args []string
	}{
		// One step of this takes seconds, and a checkpoint has to wait for it; it makes the
		// weights before it listens to anything.
		{"model ", 700 * time.Millisecond, tinyModel("-hidden", "4000,4000", "-batch", "512", "-epochs", "50")},
		// A figure of so many images takes seconds, in which nothing looks at the first signal.
		{"", 0, []string{"sample", "-n", "60000"}},
	} {
		if testing.Short() && test.wait > 0 {
			continue
		}
		t.Run(test.args[0], func(t *testing.T) {
			s := start(t, t.TempDir(), test.line, test.args...)
			time.Sleep(test.wait)
			s.send(t, syscall.SIGINT)
			time.Sleep(100 * time.Millisecond)
			began := time.Now()
			if err := s.Process.Signal(syscall.SIGINT); err != nil {
				t.Skip("it was over within 100 ms")
			}
			r := s.end()
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %v to end", took)
			}
			if !r.died(syscall.SIGINT) && r.code != 130 || strings.Contains(r.stderr, "interrupted") {
				t.Errorf("%v, want death by SIGINT, or exit code 130 without a word", r)
			}
			if strings.Contains(r.stderr, "goroutine") {
				t.Error(r)
			}
		})
	}
}

// TestInterruptOthers: the other commands have nothing to save, and stop.
func TestInterruptOthers(t *testing.T) {
	t.Parallel()
	commands := []string{
		"evaluate -k 100000000 -n 128",
		"evaluate -k 1 -n 1 -gap 1000000",
		"sweep -epochs 1000000",
		"sample -n 2000 -each each", // stopped while it draws, or while it writes
	}
	if testing.Short() { // each works on all cores for half a second
		commands = commands[:1]
	}
	for _, args := range commands {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := start(t, dir, "", strings.Fields(args)...)
			s.send(t, syscall.SIGINT)
			r := s.end()
			if r.code == 0 && strings.HasPrefix(args, "sample") {
				t.Skip("it was over before the signal came")
			}
			wantFailure(t, r, 130, "interrupted")
			leftovers(t, dir)
		})
	}
}

// TestInterruptedSaveFails: a checkpoint that could not be written is a failure,
// not an interruption.
func TestInterruptedSaveFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir, "model ", tinyModel("-hidden", "400", "-batch", "1", "-epochs", "50")...)
	run := filepath.Join(dir, "run")
	for began := time.Now(); !exists(filepath.Join(run, "config.json")); time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("there is no run")
		}
	}
	if err := os.RemoveAll(run); err != nil {
		t.Fatal(err)
	}
	s.send(t, syscall.SIGINT)
	wantFailure(t, s.end(), 1, "there is no directory run")
}

// TestInterruptReproduce: the same command goes on where it was stopped.
func TestInterruptReproduce(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("trains 20 epochs of a deep model; TestInterrupt has an interruption")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o777); err != nil {
		t.Fatal(err)
	}
	args := strings.Fields("reproduce -row vae-1 -seeds 1 -epochs 20 -k 1 -n 1")
	s := start(t, dir, "seed 1  epoch 1", args...)
	s.send(t, syscall.SIGINT)
	r := s.end()
	wantFailure(t, r, 130, "reproduce: interrupted", "same command")
	if exists(filepath.Join(dir, "docs", "results.md")) {
		t.Error("there is a page already")
	}
	if out := must(t, dir, args...); strings.Contains(out, "seed 1  epoch 1 ") || !strings.Contains(out, "seed 1  epoch 20 ") {
		t.Errorf("the command that goes on prints\n%s", out)
	}
	if !exists(filepath.Join(dir, "docs", "results.md")) {
		t.Error("there is no page")
	}
}
