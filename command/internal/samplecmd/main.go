// Package samplecmd is cmd/sample: see package command.
package samplecmd

import (
	"context"
	"fmt"
	"io"

	"govae/checkpoint"
	"govae/command/internal/cli"
	"govae/figure"
)

// Run is the command, with its arguments.
func Run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	s, err := open(o)
	if err != nil {
		return err
	}
	pic, err := o.draw.draw(s)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return cli.Interruptedf("sample: interrupted: nothing was written")
	}
	if err := checkpoint.WriteFile(o.out, pic.png); err != nil {
		return err
	}
	c := s.model.Config()
	if o.npy != "" {
		err := checkpoint.WriteFile(o.npy, func(w io.Writer) error {
			return figure.WriteNPY(w, pic.images, len(pic.images)/c.Pixels(), c.Rows, c.Cols)
		})
		if err != nil {
			return err
		}
	}
	if o.each != "" {
		if err := writeEach(ctx, o.each, pic.images, c.Rows, c.Cols); err != nil {
			return err
		}
	}
	if _, err := fmt.Printf("%s%s: %s\n", s.note, o.out, pic.about); err != nil {
		return fmt.Errorf("sample: %s is written, but: %w", o.out, err)
	}
	return nil
}
