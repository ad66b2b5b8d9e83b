package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// A side is a program that reads commands from standard input, a line each, a
// word and then key=value pairs, and answers each with one line of JSON. It
// ends when its input does.
type side struct {
	name string
	argv []string
	env  []string // besides the environment
}

// info is what a side is.
type info struct {
	Version string `json:"version"`
}

// reply is a side's answer to a command.
type reply struct {
	info
	Error   string  `json:"error"`
	Seconds float64 `json:"seconds"` // of one epoch, pass or product
	Value   float64 `json:"value"`   // what was computed, to see that both sides do the same

	others float64 // share of the cores that other programs took meanwhile
}

// A worker is a running side.
type worker struct {
	side side
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// start starts a side. It is killed when ctx ends.
func start(ctx context.Context, s side) (*worker, error) {
	w := &worker{side: s, cmd: exec.CommandContext(ctx, s.argv[0], s.argv[1:]...)}
	w.cmd.Env = append(os.Environ(), s.env...)
	w.cmd.Stderr = os.Stderr
	dieWithUs(w.cmd)
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = bufio.NewReader(out)
	return w, w.cmd.Start()
}

// ask gives a command and waits for the answer. Before and after it the worker
// is stopped, so that it takes nothing from the other side's turn.
func (w *worker) ask(command string) (reply, error) {
	var r reply
	meter, own := newMeter(), spent(w.cmd.Process)
	if err := resume(w.cmd.Process); err != nil {
		return r, err
	}
	if _, err := fmt.Fprintln(w.in, command); err != nil {
		return r, fmt.Errorf("%s has ended: %w", w.side.name, err)
	}
	line, err := w.out.ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("%s has ended during %q: %w", w.side.name, command, err)
	}
	if err := suspend(w.cmd.Process); err != nil {
		return r, err
	}
	r.others = meter.others(spent(w.cmd.Process) - own)
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("%s answers %q: %w", w.side.name, line, err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("%s: %q: %s", w.side.name, command, r.Error)
	}
	return r, nil
}

// quit ends the worker and returns the most memory it has had resident, in bytes.
func (w *worker) quit() (peak float64, err error) {
	if err := resume(w.cmd.Process); err != nil {
		return 0, err
	}
	if err := w.in.Close(); err != nil {
		return 0, err
	}
	if _, err := w.out.ReadByte(); !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("%s says more than it was asked", w.side.name)
	}
	if err := w.cmd.Wait(); err != nil {
		return 0, fmt.Errorf("%s: %w", w.side.name, err)
	}
	return peakMemory(w.cmd.ProcessState), nil
}

// kill ends the worker, whatever it is doing.
func (w *worker) kill() {
	w.cmd.Process.Kill()
	w.cmd.Wait()
}
